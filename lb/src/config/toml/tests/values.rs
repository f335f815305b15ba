//! Wrong values, key by key.

use super::check;

#[test]
fn wrong_types() {
    check(&[
        ("process = 3", 5, "process", ""),
        ("admin = [1]", 5, "admin", ""),
        ("[process]\nthreads = '2'", 6, "process.threads", "did you mean `2`?"),
        ("[process]\nmaxconn = 2.5", 6, "process.maxconn", ""),
        ("[timeout]\nconnect = 2", 6, "timeout.connect", "`\"2s\"`"),
        ("[admin]\nmode = 660", 6, "admin.mode", "`\"0660\"`"),
        ("[stats]\nbind = [8404]", 6, "stats.bind", "`\"127.0.0.1:8404\"`"),
        ("[log]\ntarget = true", 6, "log.target", ""),
        ("[backend.b]\nhealth = true", 6, "backend.b.health", ""),
        ("[backend.b]\nservers = ['a:1']", 6, "backend.b.servers", ""),
        ("[backend.b]\nservers.s = 4000", 6, "backend.b.servers.s", ""),
        (
            "[backend.b]\nservers.s = { address = 'a:1', backup = 'true' }",
            6,
            "backend.b.servers.s.backup",
            "`true`",
        ),
        ("[backend.b]\nservers.s = { address = 'a:1', backup = 1 }", 6, "backend.b.servers.s.backup", ""),
    ]);
}

#[test]
fn values_out_of_range() {
    check(&[
        ("[process]\nthreads = 513", 6, "process.threads", ""),
        ("[process]\nthreads = -1", 6, "process.threads", ""),
        ("[process]\nmaxconn = 0", 6, "process.maxconn", ""),
        ("[process]\nmaxconn = 10_000_001", 6, "process.maxconn", ""),
        ("[process]\nshutdown_grace = '577h'", 6, "process.shutdown_grace", ""),
        ("[admin]\nmode = '1777'", 6, "admin.mode", ""),
        ("[admin]\nsocket = ''", 6, "admin.socket", ""),
        ("[admin]\nsocket = 'tcp://nowhere'", 6, "admin.socket", ""),
        ("[process]\ndescription = 'a: b'", 6, "process.description", "did you mean `\"a - b\"`?"),
        ("[log]\ntarget = ''", 6, "log.target", ""),
        ("[log]\ntarget = 'tcp://10.0.0.1:514'", 6, "log.target", "`\"udp://10.0.0.1:514\"`"),
        ("[log]\ntarget = 'udp://:514'", 6, "log.target", ""),
        ("[log]\nfacility = 'local8'", 6, "log.facility", "did you mean"),
        ("[log]\nlevel = 'waring'", 6, "log.level", "`\"warning\"`"),
        ("[log]\nmin_level = 3", 6, "log.min_level", ""),
        ("[[log]]\n[[log]]\nlevels = 'info'", 7, "log.levels", "did you mean `level`?"),
        ("[log]\ntag = 'my lb'", 6, "log.tag", "`\"mylb\"`"),
        ("[log]\nlength = 79", 6, "log.length", ""),
        ("[log]\nbuffer = 0", 6, "log.buffer", ""),
        ("[timeout]\nqueue = '0s'", 6, "timeout.queue", ""),
        ("[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\nmax_head = '2MiB'", 8, "frontend.f.max_head", ""),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\ncapture_request = ['Host', 'Server:']",
            8,
            "frontend.f.capture_request",
            "`\"Server\"`",
        ),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\ncapture_length = 0",
            8,
            "frontend.f.capture_length",
            "",
        ),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\ncapture_cookie = { name = 'a b' }",
            8,
            "frontend.f.capture_cookie.name",
            "",
        ),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\ncapture_cookie = { nam = 'a', name = 'a' }",
            8,
            "frontend.f.capture_cookie.nam",
            "did you mean `name`?",
        ),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\ncapture_cookie = { name = 'a', length = 0 }",
            8,
            "frontend.f.capture_cookie.length",
            "",
        ),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\nmax_headers = 0",
            8,
            "frontend.f.max_headers",
            "",
        ),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\nh2_max_streams = 0",
            8,
            "frontend.f.h2_max_streams",
            "",
        ),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\nh2_max_streams = 10_001",
            8,
            "frontend.f.h2_max_streams",
            "",
        ),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\nh2_max_resets = 0",
            8,
            "frontend.f.h2_max_resets",
            "",
        ),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\nh2_max_resets = 1_000_001",
            8,
            "frontend.f.h2_max_resets",
            "",
        ),
        ("[backend.b]\nretries = 101", 6, "backend.b.retries", ""),
        ("[backend.b]\nmax_idle = 65537", 6, "backend.b.max_idle", ""),
        ("[backend.b]\nidle_timeout = '0ms'", 6, "backend.b.idle_timeout", ""),
        ("[backend.b]\nresolve = '0s'", 6, "backend.b.resolve", ""),
        ("[backend.b]\nhealth.fall = 0", 6, "backend.b.health.fall", ""),
        ("[backend.b]\nhealth.port = 65536", 6, "backend.b.health.port", ""),
        ("[backend.b]\nservers.s = { address = 'a:1', weight = 257 }", 6, "backend.b.servers.s.weight", ""),
    ]);
}

#[test]
fn values_in_no_known_form() {
    check(&[
        ("[timeout]\ntunnel = '1 hour'", 6, "timeout.tunnel", "`\"1h\"`"),
        ("[timeout]\nclient = '30'", 6, "timeout.client", "`\"30s\"`"),
        ("[timeout]\nclient = 'long'", 6, "timeout.client", ""),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\nmax_head = 16384",
            8,
            "frontend.f.max_head",
            "`\"16384B\"`",
        ),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\nmax_head = '16k'",
            8,
            "frontend.f.max_head",
            "`\"16KiB\"`",
        ),
        ("[frontend.f]\nbind = ':80'\nbackend = 'be'", 6, "frontend.f.bind", "`\"0.0.0.0:80\"`"),
        ("[frontend.f]\nbind = '*:80'\nbackend = 'be'", 6, "frontend.f.bind", "`\"0.0.0.0:80\"`"),
        ("[frontend.f]\nbind = 'localhost:80'\nbackend = 'be'", 6, "frontend.f.bind", "`\"127.0.0.1:80\"`"),
        (
            "[frontend.f]\nbind = [\n'[::1]:80',\n'::1']\nbackend = 'be'",
            8,
            "frontend.f.bind",
            "`\"[::1]:5000\"`",
        ),
        ("[log]\nformat = 'jsn'", 6, "log.format", "`\"json\"`"),
        ("[admin]\nlevel = 'root'", 6, "admin.level", ""),
        ("[backend.b]\nbalance = 'round-robin'", 6, "backend.b.balance", "`\"roundrobin\"`"),
        ("[backend.b]\nbalance = 'header:a b'", 6, "backend.b.balance", ""),
        ("[backend.b]\nprotocol = 'http2'", 6, "backend.b.protocol", "`\"h2c\"`"),
        ("[backend.b]\nprotocol = 'h2'", 6, "backend.b.protocol", "`\"h2c\"`"),
        ("[backend.b]\nprotocol = 'gRPC'", 6, "backend.b.protocol", "`\"h2c\"`"),
        ("[backend.b]\nprotocol = 'HTTP/1.1'", 6, "backend.b.protocol", "`\"http1\"`"),
        ("[backend.b]\nprotocol = 'h3'", 6, "backend.b.protocol", ""),
        ("[backend.b]\nhealth.protocol = 'http/2'", 6, "backend.b.health.protocol", "`\"h2c\"`"),
        ("[backend.b]\nhealth_start = 'down'", 6, "backend.b.health_start", ""),
        ("[backend.b]\nhealth.path = 'health'", 6, "backend.b.health.path", "`\"/health\"`"),
        ("[backend.b]\nhealth.path = '/a b'", 6, "backend.b.health.path", ""),
        ("[backend.b]\nhealth.host = 'a b'", 6, "backend.b.health.host", ""),
        ("[backend.b]\nhealth.host = ''", 6, "backend.b.health.host", ""),
        ("[backend.b.servers]\ns = 'api0'", 6, "backend.b.servers.s", "`\"api0:80\"`"),
        ("[backend.b.servers]\ns = 'http://api0:4000/'", 6, "backend.b.servers.s", "`\"api0:4000\"`"),
        ("[backend.b.servers]\ns = '::1:4000'", 6, "backend.b.servers.s", "`\"[::1]:4000\"`"),
        ("[backend.b.servers]\ns = { address = 'api0:0' }", 6, "backend.b.servers.s.address", ""),
    ]);
}

#[test]
fn time_limits_on_the_wrong_side() {
    for key in ["connect", "server", "queue", "tunnel"] {
        let text =
            format!("[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\n[frontend.f.timeout]\n{key} = '1s'");
        check(&[(&text, 9, &format!("frontend.f.timeout.{key}"), "[backend.NAME.timeout]")]);
    }
    // What means nothing here is not offered either.
    let unknown = "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\ntimeout.read = '1s'";
    check(&[(unknown, 8, "frontend.f.timeout.read", "known here: client, http_request, http_keep_alive")]);
    for key in ["client", "http_request", "http_keep_alive"] {
        let text = format!("[backend.b.timeout]\n{key} = '1s'");
        check(&[(&text, 6, &format!("backend.b.timeout.{key}"), "[frontend.NAME.timeout]")]);
    }
}
