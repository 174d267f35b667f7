#!/bin/sh
# Runs the demo in the foreground, until Ctrl-C. OpenResty has the Lua module built in. Debian's
# nginx loads it. If OpenResty's binary is installed, it is used.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build/openresty

nginx=$(command -v openresty || command -v nginx)
modules=
for module in ndk_http_module ngx_http_lua_module; do
  file=/usr/lib/nginx/modules/$module.so
  if [ "$(basename "$nginx")" = nginx ] && [ -e "$file" ]; then
    modules="$modules load_module $file;"
  fi
done

echo "http://127.0.0.1:8080/ shows loopback's traffic. Ctrl-C ends it."
exec "$nginx" -p "$PWD" -c examples/openresty/nginx.conf -e stderr -g "$modules"
