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
# No pipes: their status is their last command's, and a call that failed would count as an answer.
aws s3api list-objects-v2 --bucket "$bucket" --prefix aws/lambda/ --output json >"$folder/list"
jq -r '.Contents[]?.Key' "$folder/list" >"$folder/keys"
while read -r key; do
    # What the record before has left is no answer about this one.
    rm -f "$folder/answer" "$folder/invoked"
    aws s3api get-object --bucket "$bucket" --key "$key" "$folder/failure" >/dev/null
    jq -r .payload "$folder/failure" >"$folder/event"
    function=$(jq -r .requestContext.functionArn "$folder/failure")
    # A consumer may take a minute, after which the CLI by itself would give up and invoke it again.
    if aws lambda invoke --function-name "$function" --cli-binary-format raw-in-base64-out \
        --cli-read-timeout 0 --payload "file://$folder/event" --output json "$folder/answer" >"$folder/invoked"; then
        error=$(jq -r '.FunctionError // empty' "$folder/invoked")
    else
        error="it was not invoked, or did not answer"
    fi
    # A consumer answers which records it failed on.
    if [ -z "$error" ] && jq -e '.batchItemFailures == []' "$folder/answer" >/dev/null; then
        aws s3api delete-object --bucket "$bucket" --key "$key" >/dev/null
        handled=$((handled + 1))
    else
        echo "$key: $error $(head -c 300 "$folder/answer" 2>/dev/null)" >&2
        left=$((left + 1))
    fi
done <"$folder/keys"
echo "$handled are handled, $left are left"
[ "$left" -eq 0 ]
