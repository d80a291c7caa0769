//! Those who call, and how a call of theirs looks as an event of API Gateway (payload format 2.0).

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::civil::Date;
use roost::store::keys::Key;
use serde_json::{Map, Value, json};

/// Everybody's password here.
pub(super) const PASSWORD: &str = "correct horse battery";

/// The zone of the places.
const ZONE: &str = "Europe/Brussels";

/// Somebody with an account on a running stack.
#[derive(Clone, Debug)]
pub(super) struct Person {
    base: String,
    http: Client<HttpConnector, Full<Bytes>>,
    token: Option<String>,
    /// What they sign in with.
    pub(super) email: String,
}

impl Person {
    /// Somebody who has just signed up at the stack.
    pub(super) async fn new(url: &str, name: &str) -> Result<Self, String> {
        let http = Client::builder(TokioExecutor::new()).build_http();
        let mut person =
            Self { base: url.trim_end_matches('/').to_owned(), http, token: None, email: String::new() };
        let account = account(name);
        let signed_up = person.post("/v1/auth/signup", &account).await?;
        person.token = Some(super::text(&signed_up, "accessToken")?);
        person.email = super::text(&account, "email")?;
        Ok(person)
    }

    /// The same caller, signed out.
    pub(super) fn without_a_token(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The same caller as an administrator.
    pub(super) async fn promoted(&self) -> Result<Self, String> {
        self.send("POST", "/_local/roles", Some(&json!({"email": self.email, "roles": ["admin"]})), &[])
            .await?;
        let login = json!({"email": self.email, "password": PASSWORD});
        let token = super::text(&self.post("/v1/auth/login", &login).await?, "accessToken")?;
        Ok(Self { token: Some(token), ..self.clone() })
    }

    /// Today at the places, by the stack's clock.
    pub(super) async fn today(&self) -> Result<Date, String> {
        let zoned = self.now().await?.in_tz(ZONE).map_err(|error| error.to_string())?;
        Ok(zoned.date())
    }

    /// Now, by the stack's clock.
    pub(super) async fn now(&self) -> Result<jiff::Timestamp, String> {
        let clock = self.send("GET", "/_local/clock", None, &[]).await?;
        super::parsed(&super::text(&clock, "now")?)
    }

    /// What a POST is answered, which must be a success.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.send("POST", path, Some(body), &[("idempotency-key", unique())]).await
    }

    /// An item as the store has it.
    pub(super) async fn item(&self, table: &str, names: (&str, &str), key: &Key) -> Result<Value, String> {
        let wanted = json!({
            "TableName": format!("roost-{table}"),
            "Key": {names.0: {"S": key.partition}, names.1: {"S": key.sort}},
        });
        let headers = [("x-amz-target", "DynamoDB_20120810.GetItem".to_owned())];
        let mut answer = self.send("POST", "/_local/dynamodb", Some(&wanted), &headers).await?;
        Ok(answer["Item"].take())
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, String)],
    ) -> Result<Value, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::from(body)).map_err(|error| error.to_string())?;
        let unreachable =
            |error| format!("no stack answers at {} ({error}); `cargo dev` starts one", self.base);
        let response = self.http.request(request).await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        if !status.is_success() {
            return Err(format!("{method} {path} answered {status}: {}", String::from_utf8_lossy(&bytes)));
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| format!("{method} {path} did not answer JSON: {error}"))
    }

    /// A call of theirs to a function without path parameters.
    pub(super) fn event(&self, function: &str, query: &str, body: Option<&Value>) -> Value {
        self.event_of(function, "", query, body)
    }

    /// A call of theirs about one thing.
    pub(super) fn event_of(&self, function: &str, id: &str, query: &str, body: Option<&Value>) -> Value {
        let functions = crate::all_functions();
        let endpoint = functions.endpoints().find(|endpoint| endpoint.name == function);
        let (method, template) =
            endpoint.map_or(("GET", "$default"), |endpoint| (endpoint.method, endpoint.path));
        let is_default = template == "$default";
        let method = if is_default { "GET" } else { method };
        let path = if is_default { "/v1/no-such-thing".to_owned() } else { template.replace("{id}", id) };
        let route = if is_default { template.to_owned() } else { format!("{method} {template}") };
        let mut headers = Map::from_iter([("accept".to_owned(), json!("application/json"))]);
        if let Some(token) = &self.token {
            headers.insert("authorization".into(), format!("Bearer {token}").into());
        }
        if body.is_some() {
            headers.insert("content-type".into(), "application/json".into());
            headers.insert("idempotency-key".into(), unique().into());
        }
        let mut event = json!({
            "version": "2.0",
            "routeKey": route,
            "rawPath": path,
            "rawQueryString": query.trim_start_matches('?'),
            "headers": headers,
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "domainName": "127.0.0.1",
                "domainPrefix": "local",
                "http": {
                    "method": method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "cargo-lambda",
                },
                "requestId": unique(),
                "routeKey": route,
                "stage": "$default",
                "time": "01/Jan/2027:00:00:00 +0000",
                "timeEpoch": 1_798_761_600_000_i64,
            },
            "isBase64Encoded": false,
        });
        if !query.is_empty() {
            let pairs = form_urlencoded::parse(query.trim_start_matches('?').as_bytes());
            let pairs = pairs.map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())));
            event["queryStringParameters"] = Value::Object(pairs.collect());
        }
        if !id.is_empty() {
            event["pathParameters"] = json!({"id": id});
        }
        if let Some(body) = body {
            event["body"] = body.to_string().into();
        }
        event
    }
}

/// What somebody new signs up with.
pub(super) fn account(name: &str) -> Value {
    let email = format!("{}.{}@example.com", name.to_lowercase(), unique());
    json!({"email": email, "password": PASSWORD, "firstName": name, "lastName": "Tester"})
}

/// A call about one thing of another: its path names both.
pub(super) fn about(mut event: Value, parameter: &str, id: &str) -> Value {
    for path in ["/rawPath", "/requestContext/http/path"] {
        if let Some(path) = event.pointer_mut(path) {
            *path = path.as_str().unwrap_or_default().replace(&format!("{{{parameter}}}"), id).into();
        }
    }
    event["pathParameters"][parameter] = id.into();
    event
}

/// What S3 tells of an upload.
pub(super) fn upload_event(key: &str) -> Value {
    json!({
        "version": "0",
        "id": unique(),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "000000000000",
        "time": "2027-01-01T00:00:00Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:s3:::roost-photos"],
        "detail": {
            "version": "0", "bucket": {"name": "roost-photos"}, "object": {"key": key, "size": 3_481_204},
            "request-id": unique(), "requester": "000000000000", "reason": "PutObject",
        },
    })
}

/// What `EventBridge` Scheduler sends when a schedule has no input of its own.
pub(super) fn scheduler_event(name: &str) -> Value {
    json!({
        "version": "0",
        "id": unique(),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "000000000000",
        "time": "2027-01-01T00:00:00Z",
        "region": "eu-central-1",
        "resources": [format!("arn:aws:scheduler:eu-central-1:000000000000:schedule/default/{name}")],
        "detail": "{}",
    })
}

/// What `EventBridge` hands over when Roost has published something.
pub(super) fn bus_event(kind: &str, detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": unique(),
        "detail-type": kind,
        "source": "roost",
        "account": "000000000000",
        "time": "2027-01-01T00:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": detail,
    })
}

/// `body` with the members of `more`.
pub(super) fn extend(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}

fn unique() -> String {
    uuid::Uuid::new_v4().to_string()
}
