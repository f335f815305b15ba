//! Each proxy's configuration for the same work, without a handicap for anybody: idle server connections are kept, buffers and limits
//! are ample, nothing is logged (but by an lb that is observed), and the same three fields are set.

use std::fmt::Write as _;

use super::Orders;

pub(super) fn lb(orders: &Orders<'_>) -> String {
    let Orders { listen, connections, checks, .. } = orders;
    let (pages, log) = match orders.pages {
        Some(pages) => (format!("\"{pages}\""), "format = \"json\"\ntarget = \"access.log\""),
        None => ("[]".to_owned(), "format = \"off\""),
    };
    let mut text = format!(
        r#"[process]
threads = 1
maxconn = {connections}
[admin]
socket = "lb.sock"
[stats]
bind = {pages}
[log]
{log}
[timeout]
http_keep_alive = "600s"
[frontend.fe]
bind = "{listen}"
backend = "be"
[backend.be]
health = {{ path = "/health", interval = "{checks}s" }}
max_idle = {connections}
idle_timeout = "600s"
[backend.be.servers]
"#
    );
    for (number, server) in orders.servers.iter().enumerate() {
        let _ = writeln!(text, "s{number} = \"{server}\"");
    }
    text
}

/// By default HAProxy closes idle server connections when a quarter of its files is open, and half of them every five seconds.
pub(super) fn haproxy(orders: &Orders<'_>) -> String {
    let Orders { listen, connections, checks, .. } = orders;
    let mut text = format!(
        "global
  nbthread 1
  maxconn {connections}
  tune.pool-high-fd-ratio 99
  tune.pool-low-fd-ratio 98
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout http-request 10s
  timeout http-keep-alive 600s
frontend fe
  bind {listen}
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend be
backend be
  balance roundrobin
  http-reuse always
  option httpchk
  http-check send meth GET uri /health ver HTTP/1.1 hdr Host health
  default-server inter {checks}s check pool-max-conn -1 pool-purge-delay 600s
"
    );
    for (number, server) in orders.servers.iter().enumerate() {
        let _ = writeln!(text, "  server s{number} {server}");
    }
    text
}

/// Buffers are as large as HAProxy's, and what does not fit waits in memory instead of a file.
pub(super) fn nginx(orders: &Orders<'_>) -> String {
    let Orders { listen, connections, folder, .. } = orders;
    let folder = folder.display();
    let files = connections * 2 + 100;
    let mut servers = String::new();
    for server in orders.servers {
        let _ = write!(servers, "server {server}; ");
    }
    format!(
        "worker_processes 1; daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections {files}; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream be {{
    {servers}
    keepalive {connections}; keepalive_requests 1000000000; keepalive_timeout 600s;
  }}
  server {{
    listen {listen};
    location / {{
      proxy_pass http://be; proxy_http_version 1.1; proxy_set_header Connection \"\";
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto http; proxy_set_header X-Forwarded-Host $http_host;
      proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_max_temp_file_size 0;
    }}
  }}
}}
"
    )
}
