//! template.yaml and infra/data.yaml as the rules read them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::source::root;

/// One function of the template.
pub(crate) struct Function {
    /// The name of its binary.
    pub(crate) name: String,
    /// Its resource.
    pub(crate) resource: Value,
    /// The statements of its role.
    pub(crate) statements: Vec<Value>,
}

/// The template.
pub(crate) fn template() -> Value {
    roost_local::template::yaml::read(&root().join("template.yaml")).expect("template.yaml can be read")
}

/// The template of the data.
pub(crate) fn data() -> Value {
    roost_local::template::yaml::read(&root().join("infra/data.yaml")).expect("infra/data.yaml can be read")
}

/// The resources of a type, by their logical ids.
pub(crate) fn resources<'a>(template: &'a Value, kind: &str) -> BTreeMap<&'a str, &'a Value> {
    let all = template["Resources"].as_object().expect("a template has resources");
    let of_kind = all.iter().filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(id, resource)| (id.as_str(), resource)).collect()
}

/// Every function with its role.
pub(crate) fn functions() -> Vec<Function> {
    let template = template();
    let of = |(id, resource): (&str, &Value)| {
        let role =
            resource["Properties"]["Role"]["Fn::GetAtt"].as_str().and_then(|role| role.strip_suffix(".Arn"));
        let role = role.unwrap_or_else(|| panic!("{id} has no role of its own: Role: !GetAtt {id}Role.Arn"));
        let policies =
            template["Resources"][role]["Properties"]["Policies"].as_array().cloned().unwrap_or_default();
        let statements = policies
            .iter()
            .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().cloned().unwrap_or_default());
        Function {
            name: resource["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap_or(id).to_owned(),
            resource: resource.clone(),
            statements: statements.collect(),
        }
    };
    resources(&template, "AWS::Serverless::Function").into_iter().map(of).collect()
}

/// The texts of a value that may be one text or a list of them.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    let one = value.as_str().into_iter();
    let many = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    one.chain(many).map(str::to_owned).collect()
}
