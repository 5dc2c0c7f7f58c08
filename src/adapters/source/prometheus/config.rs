//! What a server is asked, and how.

use crate::adapters::source::secret::Secret;
use crate::adapters::source::sheet::About;
use crate::model::frame::Group;
use crate::model::time::Duration;

/// One server and what is asked of it.
#[derive(Debug, Clone)]
pub struct Config {
    /// The source's name; every snapshot carries it.
    pub name: String,
    /// What the readings are about.
    pub about: About,
    /// Where the API is, without `/api/v1/query`: `http://prometheus:9090`.
    pub url: String,
    /// The region of queries that name none; empty where there is only one.
    pub region: String,
    /// One for each reading.
    pub queries: Vec<Query>,
    /// PromQL for the share of traffic that has the change, in percent.
    pub exposure: Option<String>,
    /// How long a poll may take, everything included.
    pub deadline: Duration,
    /// What it shows to be let in.
    pub access: Access,
    /// Sent with every question, such as a tenant: `X-Scope-OrgID`.
    pub headers: Vec<(String, Secret)>,
    /// Certificates of the authority to trust, in PEM; none means those of the system.
    pub ca: Option<Vec<u8>>,
    /// A proxy to go through. The environment's proxy variables are not looked at.
    pub proxy: Option<String>,
    /// How questions are sent.
    pub method: Method,
}

impl Config {
    /// A server that asks for no credentials, with ten seconds for a poll.
    #[must_use]
    pub fn new(name: &str, url: &str, queries: Vec<Query>) -> Config {
        Config {
            name: name.to_owned(),
            about: About::default(),
            url: url.to_owned(),
            region: String::new(),
            queries,
            exposure: None,
            deadline: Duration::from_secs(10),
            access: Access::Open,
            headers: Vec::new(),
            ca: None,
            proxy: None,
            method: Method::Post,
        }
    }

    /// Google Cloud Monitoring of `project`, with the token of the machine's service account. Its points are a minute
    /// apart and come minutes late: it suits the gates between stages, not a P0.
    #[must_use]
    pub fn google(name: &str, project: &str, queries: Vec<Query>) -> Config {
        let url = format!("https://monitoring.googleapis.com/v1/projects/{project}/location/global/prometheus");
        Config {
            access: Access::Google { metadata_host: None },
            method: Method::Get,
            ..Config::new(name, &url, queries)
        }
    }
}

/// What gives one reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The metric's name in the policy.
    pub metric: String,
    /// Who is measured.
    pub group: Group,
    /// Where; none means the source's region.
    pub region: Option<String>,
    /// PromQL with one series for an answer.
    pub promql: String,
    /// PromQL for how many samples the value rests on.
    pub samples: Option<String>,
    /// PromQL for how old the value is, in seconds; none means as old as the newest sample of the series it reads.
    pub age: Option<String>,
}

impl Query {
    /// A query of the source's own region, without a count.
    #[must_use]
    pub fn new(metric: &str, group: Group, promql: &str) -> Query {
        Query { metric: metric.to_owned(), group, region: None, promql: promql.to_owned(), samples: None, age: None }
    }
}

/// What a server is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// Nothing.
    #[default]
    Open,
    /// A token.
    Bearer(Secret),
    /// A name and a password.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// The token of the machine's own service account, from the metadata server, renewed before it ends.
    Google {
        /// Where the metadata server is, as in `GCE_METADATA_HOST`; none means where Google has it.
        metadata_host: Option<String>,
    },
}

/// How questions are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// As a form, which has room for long queries.
    #[default]
    Post,
    /// In the address, for servers that take nothing else, such as Google's.
    Get,
}
