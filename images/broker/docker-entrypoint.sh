#!/bin/sh
# What the image that this stands for does: options or a configuration file alone mean the server,
# and the server runs as its own user, who owns its folder.
set -e
case "${1:-}" in
    -* | *.conf) set -- valkey-server "$@" ;;
esac
if [ "$1" = valkey-server ]; then
    # That image's server is built with protected mode off.
    set -- "$@" --protected-mode no
    if [ "$(id -u)" = 0 ]; then
        find . \! -user valkey -exec chown valkey '{}' +
        exec setpriv --reuid=valkey --regid=valkey --clear-groups -- "$@"
    fi
fi
exec "$@"
