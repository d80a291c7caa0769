#!/bin/sh
# Hands every stream record in the failure bucket to its function once more, and deletes what
# succeeds: `cargo dev replay` for a deployment. Needs the AWS CLI, jq, and leave to list, read and
# delete in the bucket and to invoke the functions.
#
#     infra/replay.sh BUCKET
#
# A message of a failure queue holds its event: as `requestPayload` when the function failed on it,
# whole when it was never handed over. Invoke the function with that.
set -eu
bucket=${1:?the name of the failure bucket}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
handled=0 left=0
aws s3api list-objects-v2 --bucket "$bucket" --prefix aws/lambda/ --output json |
    jq -r '.Contents[]?.Key' >"$folder/keys"
while read -r key; do
    aws s3api get-object --bucket "$bucket" --key "$key" "$folder/failure" >/dev/null
    jq -r .payload "$folder/failure" >"$folder/event"
    function=$(jq -r .requestContext.functionArn "$folder/failure")
    error=$(aws lambda invoke --function-name "$function" --cli-binary-format raw-in-base64-out \
        --payload "file://$folder/event" --output json "$folder/answer" | jq -r '.FunctionError // empty')
    # A consumer answers which records it failed on.
    if [ -z "$error" ] && jq -e '.batchItemFailures == []' "$folder/answer" >/dev/null; then
        aws s3api delete-object --bucket "$bucket" --key "$key" >/dev/null
        handled=$((handled + 1))
    else
        echo "$key: $error $(head -c 300 "$folder/answer")" >&2
        left=$((left + 1))
    fi
done <"$folder/keys"
echo "$handled are handled, $left are left"
[ "$left" -eq 0 ]
