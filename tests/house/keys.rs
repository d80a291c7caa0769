//! Key strings have one home, and the tables of infra/data.yaml have the keys that it says.

use serde_json::Value;

use crate::none_of;
use crate::source::{read_folder, root};
use crate::template::{data, resources};
use roost::store::keys;

#[test]
fn key_strings_stand_in_keys_rs_alone() {
    let mut offences = Vec::new();
    for folder in ["shared/src", "functions", "infra/local/src"] {
        for file in read_folder(&root().join(folder)) {
            if file.path == "shared/src/store/keys.rs" {
                continue;
            }
            for line in file.code.lines() {
                let composed = line.match_indices('"').any(|(at, _)| {
                    let text: String =
                        line[at + 1..].chars().take_while(|character| *character != '"').collect();
                    is_key_prefix(&text)
                });
                if composed {
                    offences.push(format!("{}: `{}`", file.path, line.trim()));
                }
            }
        }
    }
    none_of("A key is composed in shared/src/store/keys.rs and nowhere else:", &offences);
}

/// `listing#` or `unit#{unit}`: a word, `#`, and then nothing or a placeholder.
fn is_key_prefix(text: &str) -> bool {
    let Some((word, rest)) = text.split_once('#') else { return false };
    let is_word =
        !word.is_empty() && word.chars().all(|character| character.is_ascii_alphabetic() || character == '_');
    is_word && (rest.is_empty() || rest.starts_with('{'))
}

#[test]
fn the_tables_have_the_keys_that_keys_rs_says() {
    let tables = [
        ("UsersTable", keys::USERS, vec![]),
        ("ListingsTable", keys::LISTINGS, vec![(keys::LISTINGS_BY_HOST, "host", "listing")]),
        ("NightsTable", keys::NIGHTS, vec![]),
        (
            "BookingsTable",
            keys::BOOKINGS,
            vec![
                (keys::BOOKINGS_BY_GUEST, "guest", "check_in"),
                (keys::BOOKINGS_BY_HOST, "host", "check_in"),
                (keys::BOOKINGS_BY_DUE, "due", "due_at"),
                (keys::BOOKINGS_BY_REQUEST, "requested_unit", "check_in"),
            ],
        ),
        ("ProjectionsTable", keys::PROJECTIONS, vec![]),
    ];
    let data = data();
    let found = resources(&data, "AWS::DynamoDB::Table");
    assert_eq!(
        found.len(),
        tables.len(),
        "a table of infra/data.yaml has no keys in this test, or the other way round"
    );
    for (id, key, indexes) in tables {
        let properties = &found[id]["Properties"];
        assert_eq!(key_of(properties), [key.0, key.1], "{id}");
        let listed = properties["GlobalSecondaryIndexes"].as_array().cloned().unwrap_or_default();
        let listed: Vec<(String, Vec<String>, Value)> = listed
            .iter()
            .map(|index| {
                let name = index["IndexName"].as_str().unwrap_or_default().to_owned();
                (name, key_of(index), index["Projection"]["ProjectionType"].clone())
            })
            .collect();
        let wanted: Vec<(String, Vec<String>, Value)> = indexes
            .into_iter()
            .map(|(name, partition, sort)| {
                (name.into(), vec![partition.into(), sort.into()], "KEYS_ONLY".into())
            })
            .collect();
        assert_eq!(listed, wanted, "{id}");
    }
}

#[test]
fn a_table_cannot_be_lost_by_mistake() {
    let data = data();
    let mut offences = Vec::new();
    for (id, table) in resources(&data, "AWS::DynamoDB::Table") {
        let properties = &table["Properties"];
        let rules = [
            (table["DeletionPolicy"] == "Retain" && table["UpdateReplacePolicy"] == "Retain", "is retained"),
            (properties["DeletionProtectionEnabled"] == true, "has deletion protection"),
            (
                properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] == true,
                "has point-in-time recovery",
            ),
            (properties["BillingMode"] == "PAY_PER_REQUEST", "is on demand"),
        ];
        offences.extend(
            rules.iter().filter(|(holds, _)| !holds).map(|(_, rule)| format!("{id}: a table {rule}")),
        );
    }
    none_of("What holds data outlives deployments:", &offences);
}

fn key_of(of: &Value) -> Vec<String> {
    let schema = of["KeySchema"].as_array().cloned().unwrap_or_default();
    schema.iter().filter_map(|key| key["AttributeName"].as_str().map(str::to_owned)).collect()
}
