//! Addresses and amounts as people write them.

use std::net::{Ipv4Addr, SocketAddr};

/// Where to listen: `127.0.0.1:7878`, `[::]:7878`, `localhost:7878`.
pub(crate) fn listen(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix("localhost:") {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?)));
    }
    text.parse().ok()
}

/// Whether `text` is `host:port`, with a name or an address in front.
pub(crate) fn is_host_and_port(text: &str) -> bool {
    if text.parse::<SocketAddr>().is_ok() {
        return true;
    }
    text.rsplit_once(':').is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_host(text: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    !text.is_empty() && text.len() <= 253 && text.chars().all(letters)
}

/// Whether `text` is a URL with one of `schemes` and somebody to call. Whoever calls it parses it for good.
pub(crate) fn is_url(text: &str, schemes: &[&str]) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let fine = is_host(host) || is_host_and_port(host) || is_bracketed(host);
    clean && schemes.contains(&scheme) && fine
}

/// `[::1]`, an IPv6 address without a port.
fn is_bracketed(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
}

/// Bytes: `64KiB`, `1MiB`.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let (digits, unit) = split_number(text)?;
    let factor = match unit {
        "B" => 1,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor).filter(|bytes| *bytes > 0)
}

/// How often: `100/s`, `30/m`; in times per second.
pub(crate) fn rate(text: &str) -> Option<f64> {
    let (number, unit) = text.split_once('/')?;
    let seconds = match unit.trim() {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let times = number.trim().parse::<u32>().ok().filter(|times| *times > 0)?;
    Some(f64::from(times) / seconds)
}

fn split_number(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(at)?;
    Some((digits, unit.trim()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::loopback("127.0.0.1:7878", Some("127.0.0.1:7878"))]
    #[case::everywhere("0.0.0.0:80", Some("0.0.0.0:80"))]
    #[case::every_v6("[::]:7878", Some("[::]:7878"))]
    #[case::by_name("localhost:7878", Some("127.0.0.1:7878"))]
    #[case::any_port("127.0.0.1:0", Some("127.0.0.1:0"))]
    #[case::no_host(":7878", None)]
    #[case::no_port("127.0.0.1", None)]
    #[case::port_too_large("127.0.0.1:65536", None)]
    #[case::other_name("rollgate.example:7878", None)]
    fn addresses_to_listen_on(#[case] text: &str, #[case] due: Option<&str>) {
        assert_eq!(listen(text).map(|address| address.to_string()).as_deref(), due);
    }

    #[rstest]
    #[case::plain("http://prometheus:9090", true)]
    #[case::path("https://example.com/a/b?c=d", true)]
    #[case::v6("http://[::1]:9090", true)]
    #[case::v6_no_port("http://[::1]/", true)]
    #[case::user("http://user@host/", true)]
    #[case::no_scheme("prometheus:9090", false)]
    #[case::wrong_scheme("ftp://host", false)]
    #[case::upper_case_scheme("HTTP://host", false)]
    #[case::no_host("http:///metrics", false)]
    #[case::space("http://my host/", false)]
    #[case::port_zero("http://host:0", false)]
    #[case::port_word("http://host:http", false)]
    fn urls(#[case] text: &str, #[case] due: bool) {
        assert_eq!(is_url(text, &["http", "https"]), due);
    }

    #[rstest]
    #[case::kibi("64KiB", Some(65536))]
    #[case::mebi_with_a_space("1 MiB", Some(1_048_576))]
    #[case::bytes_alone("1B", Some(1))]
    #[case::nothing("0KiB", None)]
    #[case::no_unit("65536", None)]
    #[case::thousands("64KB", None)]
    #[case::too_many("99999999999999999999MiB", None)]
    #[case::overflow("18446744073709551615MiB", None)]
    fn sizes(#[case] text: &str, #[case] due: Option<u64>) {
        assert_eq!(bytes(text), due);
    }

    #[rstest]
    #[case::a_second("100/s", Some(100.0))]
    #[case::a_minute("30/m", Some(0.5))]
    #[case::never("0/s", None)]
    #[case::bare("100", None)]
    #[case::negative("-1/s", None)]
    #[case::a_day("1/d", None)]
    fn rates(#[case] text: &str, #[case] due: Option<f64>) {
        assert_eq!(rate(text), due);
    }
}
