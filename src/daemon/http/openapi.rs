//! The description of the API, made of the table of routes: a route that is not described does not exist.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ComponentsBuilder, Object, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, Required,
    ResponseBuilder, ResponsesBuilder,
};

use super::app::App;
use super::orders::VERBS;
use super::routes::{ROUTES, Route};
use crate::daemon::tokens::Need;

const TOKEN: &str = "token";
const PROBLEM: &str = "Problem";

/// `GET /openapi.json`.
pub(super) async fn description(State(_): State<Arc<App>>) -> Response {
    Json(describe()).into_response()
}

/// What the API can do.
fn describe() -> OpenApi {
    let info = InfoBuilder::new()
        .title("rollgate")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Pushes in, decisions and ledgers out, and the orders a person may give. See docs/api.md."));
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components =
        ComponentsBuilder::new().security_scheme(TOKEN, bearer).schema(PROBLEM, RefOr::T(Schema::Object(problem())));
    let paths = ROUTES.iter().fold(PathsBuilder::new(), |paths, route| paths.path(route.path, item(route)));
    OpenApiBuilder::new().info(info.build()).components(Some(components.build())).paths(paths.build()).build()
}

fn item(route: &Route) -> PathItem {
    let method = if route.method == "post" { HttpMethod::Post } else { HttpMethod::Get };
    let mut operation = OperationBuilder::new()
        .operation_id(Some(operation_id(route)))
        .summary(Some(route.about))
        .description(Some(format!("Least role: {}.", route.need.least())))
        .responses(responses(route));
    for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let mut text = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
        if name == "verb" {
            text = text.enum_values(Some(VERBS));
        }
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
        operation = operation.parameter(parameter.schema(Some(text)));
    }
    for (name, about) in route.query {
        let number = matches!(*name, "from" | "last" | "limit");
        let text = Object::with_type(if number { Type::Integer } else { Type::String });
        let parameter = ParameterBuilder::new().name(*name).parameter_in(ParameterIn::Query).description(Some(*about));
        operation = operation.parameter(parameter.required(Required::False).schema(Some(text)));
    }
    if route.method == "post" {
        operation = operation.request_body(Some(body(route)));
        if route.path.contains("{verb}") || route.path.ends_with("/emergency-disable") {
            let key = ParameterBuilder::new().name("idempotency-key").parameter_in(ParameterIn::Header);
            let key = key.required(Required::False).schema(Some(Object::with_type(Type::String)));
            operation = operation.parameter(key.description(Some("names the order: given twice, carried out once")));
        }
    }
    if route.need != Need::Nothing {
        operation = operation.security(SecurityRequirement::new(TOKEN, Vec::<String>::new()));
    }
    PathItem::new(method, operation)
}

fn operation_id(route: &Route) -> String {
    let words = route
        .path
        .split('/')
        .map(|part| part.trim_matches(['{', '}']))
        .filter(|part| !part.is_empty() && *part != "v1");
    std::iter::once(route.method).chain(words).collect::<Vec<_>>().join("-").replace('.', "-")
}

fn body(route: &Route) -> utoipa::openapi::request_body::RequestBody {
    let example: Option<Value> = route.example.and_then(|text| serde_json::from_str(text).ok());
    let content = ContentBuilder::new().schema(Some(Object::with_type(Type::Object))).example(example).build();
    let request = RequestBodyBuilder::new().required(Some(Required::True)).content("application/json", content.clone());
    match route.path {
        "/v1/snapshots" => request.content("application/x-ndjson", content).build(),
        path if path.ends_with("/metrics") => request.content("application/x-protobuf", content).build(),
        _ => request.build(),
    }
}

fn responses(route: &Route) -> utoipa::openapi::Responses {
    let (status, shape, about) = route.answer;
    let content = ContentBuilder::new().schema(Some(Object::with_type(match shape {
        "application/json" => Type::Object,
        _ => Type::String,
    })));
    let good = ResponseBuilder::new().description(about).content(shape, content.build());
    let mut responses = ResponsesBuilder::new().response(status.to_string(), good);
    let everywhere: &[(u16, &str)] = match route.need {
        Need::Nothing => &[(429, "too many calls")],
        _ => &[
            (401, "no token, or one that is not taken"),
            (403, "the token's role is not enough"),
            (421, "called under a name that is not its own"),
            (429, "too many calls"),
            (500, "a bug in rollgate"),
            (504, "it took too long"),
        ],
    };
    for (status, about) in route.refusals.iter().chain(everywhere) {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(PROBLEM)));
        let bad = ResponseBuilder::new().description(*about).content("application/problem+json", content.build());
        responses = responses.response(status.to_string(), bad);
    }
    responses.build()
}

fn problem() -> Object {
    let field =
        |kind: Type, about: &str| ObjectBuilder::new().schema_type(SchemaType::new(kind)).description(Some(about));
    ObjectBuilder::new()
        .property("status", field(Type::Integer, "the status, again"))
        .property("code", field(Type::String, "a word for programs; stable"))
        .property("title", field(Type::String, "what was wrong"))
        .property("help", field(Type::String, "what to do about it"))
        .property("line", field(Type::Integer, "where in the body, from 1"))
        .property("field", field(Type::String, "which field, as a JSON pointer"))
        .required("status")
        .required("code")
        .required("title")
        .examples([json!({
            "status": 422, "code": "snapshot", "title": "`time` is missing", "line": 1, "field": "/time",
        })])
        .build()
}
