std = "luajit"
max_line_length = 100
exclude_files = { "build" }
files["lua/pcap/resty.lua"] = { std = "+ngx_lua" }
files["examples/openresty"] = { std = "+ngx_lua" }
files["lua/pcap/resty"] = { std = "+ngx_lua" }
files["spec"] = { std = "+busted" }
-- Declarations: nothing in it runs.
files["lua/pcap/types.lua"] = { ignore = { "212", "241" } }
