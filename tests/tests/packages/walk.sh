#!/bin/bash
# Walks through a package's life on a machine of its own; what happened goes to /root/walk.out, a line each.
cd /root || exit 1
say() { echo "$1=$2"; }
dpkg_quiet() { DEBIAN_FRONTEND=noninteractive dpkg --force-confold "$@" >>dpkg.log 2>&1; }
send() { # trace number; one datagram is one write
    printf '{"format":"json","version":1}\n{"name":"shop","id":"%016x","trace_id":"1-6592008a-%024x","start_time":1704067210.1,"end_time":1704067210.4}' "$1" "$1" >datagram
    cat datagram >"/dev/udp/127.0.0.1/$2"
}
trace() { # how often the collector names the trace
    local body
    body=$(printf '{"TraceIds":["1-6592008a-%024x"]}' "$1")
    exec 5<>/dev/tcp/127.0.0.1/2080 || return
    printf 'POST /Traces HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' "${#body}" "$body" >&5
    grep -c "\"Segments\":\[{" <&5
    exec 5>&-
}
seen() { # waits for the trace; yes, or no after a minute
    for _ in $(seq 240); do [ "$(trace "$1")" = 1 ] && echo yes && return; sleep 0.25; done
    echo no
}
noted() { # waits until the daemon's lines in the journal have the text; in how many, or 0 after a minute
    local lines
    for _ in $(seq 240); do
        lines=$(journalctl -u radiograph-daemon -o cat --no-pager | grep -c "$1") && break
        sleep 0.25
    done
    echo "$lines"
}
active() { systemctl is-active "$@" | tr '\n' ' '; }

dpkg_quiet -i radiograph-collector_1.0.0_amd64.deb radiograph-daemon_1.0.0_amd64.deb radiograph_1.0.0_amd64.deb
say install $?
say active "$(active radiograph-daemon radiograph-collector)"
say enabled "$(systemctl is-enabled radiograph-daemon radiograph-collector radiograph-daemon.socket | tr '\n' ' ')"
say users "$(ps_user() { stat -c %U "/proc/$(systemctl show -P MainPID "$1")"; }; ps_user radiograph-daemon) $(stat -c %U "/proc/$(systemctl show -P MainPID radiograph-collector)")"
send 1 2000
say first "$(seen 1)"
say reload "$(systemctl reload radiograph-daemon; echo $?)"
say status "$(systemctl show -P StatusText radiograph-daemon)"
say priority "$(journalctl -u radiograph-daemon -o json --no-pager | grep -c '"PRIORITY":"6".*"SYSLOG_IDENTIFIER":"radiograph-daemon"\|"SYSLOG_IDENTIFIER":"radiograph-daemon".*"PRIORITY":"6"' | sed 's/^[1-9].*/some/')"
say fields "$(journalctl RADIOGRAPH_ADDRESS=127.0.0.1:2080 --no-pager -o cat | grep -c 'collector listens for the X-Ray API')"
echo '# edited' >>/etc/radiograph/daemon.env
before=$(systemctl show -P MainPID radiograph-daemon)
dpkg_quiet -i radiograph-collector_2.0.0_amd64.deb radiograph-daemon_2.0.0_amd64.deb radiograph_2.0.0_amd64.deb
say upgrade $?
say version "$(dpkg-query -W -f '${Version}' radiograph-daemon)"
say edited "$(grep -c '# edited' /etc/radiograph/daemon.env)"
say restarted "$([ "$before" != "$(systemctl show -P MainPID radiograph-daemon)" ] && echo yes)"
say active_again "$(active radiograph-daemon radiograph-collector)"
say kept "$(seen 1)"
say clean "$(noted 'Got shutdown signal: terminated')"

# sockets that systemd holds: what is sent while there is no daemon arrives
systemctl stop radiograph-daemon
systemctl enable --now radiograph-daemon.socket 2>/dev/null
systemctl start radiograph-daemon
systemctl stop radiograph-daemon 2>/dev/null
say gap_daemon "$(active radiograph-daemon)"
send 2 2000
say gap "$(seen 2)"
say gap_after "$(active radiograph-daemon radiograph-daemon.socket)"

# AWS's file decides, and is left alone; its address differs from the socket unit's, which is refused
mkdir -p /etc/amazon/xray
printf 'Version: 2\nSocket:\n  UDPAddress: "127.0.0.1:2900"\n  TCPAddress: "127.0.0.1:2900"\nEndpoint: "http://127.0.0.1:2080"\nRegion: "eu-west-1"\n' >/etc/amazon/xray/cfg.yaml
sum=$(md5sum /etc/amazon/xray/cfg.yaml)
systemctl restart radiograph-daemon 2>/dev/null
say differs "$(noted 'is 127.0.0.1:2900, but the socket unit passes 127.0.0.1:2000' | sed 's/^[1-9].*/told/')"
systemctl disable --now radiograph-daemon.socket radiograph-daemon 2>/dev/null
systemctl reset-failed
systemctl start radiograph-daemon
send 3 2900
say takeover "$(seen 3)"
say takeover_region "$(noted 'Using region: eu-west-1' | sed 's/^[1-9].*/told/')"

# the AWS daemon runs: installing says what to do, and does not fail
dpkg_quiet -r radiograph-daemon
printf '[Service]\nExecStart=/bin/sleep infinity\n' >/etc/systemd/system/xray.service
systemctl daemon-reload
systemctl start xray
: >dpkg.log
dpkg_quiet -i radiograph-daemon_2.0.0_amd64.deb
say beside_aws "$? $(grep -c 'systemctl disable --now xray && systemctl start radiograph-daemon' dpkg.log) $(active radiograph-daemon)"

dpkg_quiet -r radiograph-daemon radiograph-collector radiograph
say remove "$? $(active radiograph-daemon radiograph-collector)"
say left "$(ls /var/lib/radiograph | grep -c log) $(ls -d /var/lib/radiograph-daemon) $(ls /etc/radiograph | tr '\n' ' ')"
: >dpkg.log
dpkg_quiet -P radiograph-daemon radiograph-collector radiograph
say purge "$? $(grep -c 'The stored traces of radiograph-collector are left in /var/lib/radiograph;' dpkg.log) $(ls -d /etc/radiograph 2>/dev/null)"
say data "$(ls /var/lib/radiograph | grep -c log)"
say aws_untouched "$([ "$sum" = "$(md5sum /etc/amazon/xray/cfg.yaml)" ] && echo yes)"
systemctl poweroff
