#!/bin/sh
# Projects every unit anew: what the cells and, through their stream, the index know of it. For after a deployment
# that changes the format of projections (FORMAT in shared/src/search/projection.rs: older ones are left out of
# searches until then), or when the table of projections was lost. Needs the AWS CLI, jq, and leave to scan the table
# of listings and to invoke the function `project`.
#
#     infra/project.sh TABLE FUNCTION
#
# Costs what a scan of the table costs, and a projection for each unit.
set -eu
table=${1:?the name of the table of listings}
function=${2:?the name of the function project}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# No pipes: their status is their last command's.
aws dynamodb scan --table-name "$table" --filter-expression 'attribute_exists(#owner)' \
    --projection-expression 'listing, #item' \
    --expression-attribute-names '{"#owner": "owner", "#item": "item"}' --output json >"$folder/units"
# The function reads a record's keys, and answers by its number: a hundred at a time, as its stream hands over.
jq -c '[.Items[] | {eventName: "MODIFY", eventSource: "aws:dynamodb", awsRegion: "", dynamodb: {Keys: .}}]
    | to_entries | map(.value + {eventID: "\(.key)"} | .dynamodb.SequenceNumber = .eventID
        | .dynamodb.ApproximateCreationDateTime = 0 | .dynamodb.SizeBytes = 0)
    | range(0; length; 100) as $first | {Records: .[$first:$first + 100]}' "$folder/units" >"$folder/batches"
projected=0 left=0
while read -r batch; do
    rm -f "$folder/answer" "$folder/invoked"
    printf '%s' "$batch" >"$folder/event"
    count=$(jq '.Records | length' "$folder/event")
    failed=$count
    if aws lambda invoke --function-name "$function" --cli-binary-format raw-in-base64-out --cli-read-timeout 0 \
        --payload "file://$folder/event" --output json "$folder/answer" >"$folder/invoked" &&
        [ -z "$(jq -r '.FunctionError // empty' "$folder/invoked")" ]; then
        failed=$(jq '.batchItemFailures | length' "$folder/answer")
    else
        echo "$count units: $(head -c 300 "$folder/answer" 2>/dev/null)" >&2
    fi
    left=$((left + failed))
    projected=$((projected + count - failed))
done <"$folder/batches"
echo "$projected units are projected, $left are not"
[ "$left" -eq 0 ]
