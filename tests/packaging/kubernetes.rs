//! The manifests, against the schemas of Kubernetes 1.34 with unknown keys refused, and against each other.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{settings, text};

/// Taken from `kubernetes-validate` 1.37.0 on PyPI (Apache-2.0): the kinds that are used, without descriptions.
const SCHEMAS: &str = include_str!("kubernetes-1.34.json");

fn manifests() -> Vec<Value> {
    let text = text("kubernetes/rollgate.yaml");
    let parts = text.split("\n---\n").map(serde_saphyr::from_str::<Value>);
    parts.map(|part| part.unwrap_or_else(|error| panic!("{error}"))).collect()
}

fn by_kind(kind: &str) -> Vec<Value> {
    manifests().into_iter().filter(|manifest| manifest["kind"] == kind).collect()
}

/// The schema of a kind, with what it refers to.
fn schema(manifest: &Value) -> Value {
    let all: Value = serde_json::from_str(SCHEMAS).unwrap();
    let name = format!("{}/{}", manifest["apiVersion"].as_str().unwrap(), manifest["kind"].as_str().unwrap());
    let mut schema = all["kinds"][&name].clone();
    assert!(schema.is_object(), "no schema for {name}");
    schema["definitions"] = all["definitions"].clone();
    schema
}

fn problems(manifest: &Value) -> Vec<String> {
    let validator = jsonschema::draft7::new(&schema(manifest)).unwrap();
    validator.iter_errors(manifest).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_manifest_is_what_kubernetes_takes() {
    let manifests = manifests();
    assert_eq!(manifests.len(), 6);
    for manifest in &manifests {
        assert_eq!(problems(manifest), Vec::<String>::new(), "{}", manifest["kind"]);
    }
}

#[test]
fn the_schemas_refuse_a_key_that_nobody_reads() {
    let mut deployment = by_kind("Deployment").remove(0);
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = json!({});
    assert_eq!(problems(&deployment).len(), 1);
    let mut budget = by_kind("PodDisruptionBudget").remove(0);
    budget["spec"]["minAvailable"] = json!([]);
    assert_eq!(problems(&budget).len(), 1);
}

#[test]
fn two_controllers_share_one_redis_and_one_survives_a_drain() {
    let deployment = by_kind("Deployment").remove(0);
    assert_eq!(deployment["spec"]["replicas"], 2);
    assert_eq!(by_kind("PodDisruptionBudget").remove(0)["spec"]["minAvailable"], 1);
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    for selector in [
        &deployment["spec"]["selector"]["matchLabels"],
        &by_kind("Service").remove(0)["spec"]["selector"],
        &by_kind("PodDisruptionBudget").remove(0)["spec"]["selector"]["matchLabels"],
    ] {
        assert_eq!(selector, labels);
    }
}

#[test]
fn the_pod_has_no_rights() {
    let pod = by_kind("Deployment").remove(0)["spec"]["template"]["spec"].clone();
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let container = &pod["containers"][0]["securityContext"];
    assert_eq!(container["readOnlyRootFilesystem"], true);
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["capabilities"]["drop"], json!(["ALL"]));
    assert_eq!(pod["containers"][0]["livenessProbe"]["httpGet"]["path"], "/livez");
    assert_eq!(pod["containers"][0]["readinessProbe"]["httpGet"]["path"], "/readyz");
}

#[test]
fn the_settings_and_the_policy_in_the_config_maps_are_sound() {
    let maps = by_kind("ConfigMap");
    let data: BTreeMap<String, String> = maps
        .iter()
        .flat_map(|map| map["data"].as_object().unwrap())
        .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let settings = settings(&data["rollgate.toml"]);
    assert!(matches!(settings.store.place, rollgate::settings::values::StorePlace::Redis(_)));
    let mut policy = rollgate::policy::source::PolicySource::new("p");
    policy.insert("policy.toml", &data["my-rollout.policy.toml"]);
    let checked = rollgate::policy::check(&policy);
    assert!(!checked.has_errors(), "{:#?}", checked.diagnostics);
}

#[test]
fn every_path_that_is_named_is_mounted() {
    let pod = by_kind("Deployment").remove(0)["spec"]["template"]["spec"].clone();
    let mounts: Vec<String> = pod["containers"][0]["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| {
            assert_eq!(mount.get("subPath"), None, "what is mounted by subPath never changes");
            mount["mountPath"].as_str().unwrap().to_owned()
        })
        .collect();
    let maps = by_kind("ConfigMap");
    let settings = settings(maps[0]["data"]["rollgate.toml"].as_str().unwrap());
    let mut named: Vec<String> = settings.policies.iter().map(|path| path.display().to_string()).collect();
    named.push(settings.journal.path.display().to_string());
    named.push(pod["containers"][0]["args"][2].as_str().unwrap().to_owned());
    named.extend(settings.secrets().iter().map(|secret| secret.to_string().trim_start_matches("file:").to_owned()));
    for path in named {
        assert!(mounts.iter().any(|mount| path.starts_with(mount)), "{path} is in none of {mounts:?}");
    }
}
