#!/usr/bin/env bash
# Runs a command in a real desktop without a screen: X server (1280x800), session bus, window manager, panel
# with a StatusNotifier tray, notification daemon. Gives the command's exit code. Any number of them may run
# at the same time; nothing that was started in one outlives it.
#
#   desktop.sh COMMAND [ARGUMENT...]
#
# The Debian packages that it needs are in build/setup/system.mjs; `node build/setup.mjs --tests` installs them.
set -u

if [ "$#" -eq 0 ]; then
  echo 'usage: desktop.sh COMMAND [ARGUMENT...]' >&2
  exit 2
fi

directory=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-desktop-XXXXXX") || exit 1

# Every process of this desktop carries its directory's name in its environment, however it was started: the
# bus starts services (settings, accessibility, ...) that are in no process group or session of ours.
members() {
  grep -lzs "^HOLDFAST_DESKTOP=$directory\$" /proc/[0-9]*/environ | cut -d/ -f3 | grep -vx "$$"
}

cleanup() {
  local signal
  # Else the programs that look for members would be some.
  export -n HOLDFAST_DESKTOP
  for signal in TERM KILL; do
    # shellcheck disable=SC2046 # one word a process
    kill -s "$signal" $(members) 2>/dev/null
    for _ in $(seq 40); do
      [ -z "$(members)" ] && break 2
      sleep 0.05
    done
  done
  rm -rf "$directory"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# What a program of this desktop writes outside its own data directories goes away with it. The project's
# downloads stay where they are.
HOLDFAST_CACHE=${HOLDFAST_CACHE:-${XDG_CACHE_HOME:-$(cd ~ 2>/dev/null && pwd || echo /tmp)/.cache}/holdfast}
export HOLDFAST_CACHE
export XDG_CONFIG_HOME="$directory/config" XDG_CACHE_HOME="$directory/cache" XDG_DATA_HOME="$directory/data"
export XDG_STATE_HOME="$directory/state" XDG_RUNTIME_DIR="$directory/run" XAUTHORITY="$directory/Xauthority"
export XDG_SESSION_TYPE=x11 XDG_CURRENT_DESKTOP=XFCE LANG=C.UTF-8 LC_ALL=C.UTF-8
# No accessibility bus, no portals, no settings daemon: each would be a service started behind our back, and
# a dialog in another process.
export NO_AT_BRIDGE=1 GTK_A11Y=none GTK_USE_PORTAL=0 GSETTINGS_BACKEND=keyfile GIO_USE_VFS=local
export HOME="${HOME:-$directory/home}"
unset WAYLAND_DISPLAY DISPLAY DBUS_SESSION_BUS_ADDRESS SESSION_MANAGER
mkdir -p "$XDG_CACHE_HOME" "$XDG_DATA_HOME" "$XDG_STATE_HOME" "$directory/home"
mkdir -m 700 "$XDG_RUNTIME_DIR"
: >"$XAUTHORITY"

channels="$XDG_CONFIG_HOME/xfce4/xfconf/xfce-perchannel-xml"
mkdir -p "$channels" "$XDG_CONFIG_HOME/dunst" "$XDG_CONFIG_HOME/glib-2.0/settings"
cat >"$channels/xfce4-panel.xml" <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="true"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="28"/>
      <property name="icon-size" type="uint" value="22"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/>
        <value type="int" value="2"/>
        <value type="int" value="3"/>
        <value type="int" value="4"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="tasklist">
      <property name="show-handle" type="bool" value="false"/>
    </property>
    <property name="plugin-2" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-3" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
    </property>
    <property name="plugin-4" type="string" value="clock">
      <property name="digital-layout" type="uint" value="3"/>
      <property name="digital-time-format" type="string" value="%H:%M"/>
    </property>
  </property>
</channel>
XML
cat >"$channels/xfwm4.xml" <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfwm4" version="1.0">
  <property name="general" type="empty">
    <property name="use_compositing" type="bool" value="false"/>
    <property name="vblank_mode" type="string" value="off"/>
    <property name="click_to_focus" type="bool" value="true"/>
    <property name="focus_new" type="bool" value="true"/>
  </property>
</channel>
XML
cat >"$XDG_CONFIG_HOME/glib-2.0/settings/keyfile" <<'INI'
[org/gtk/settings/file-chooser]
startup-mode='cwd'
INI
cat >"$XDG_CONFIG_HOME/dunst/dunstrc" <<'INI'
[global]
    font = DejaVu Sans 10
    width = 360
    origin = top-right
    offset = 16x44
    frame_width = 1
    corner_radius = 6
    padding = 12
    horizontal_padding = 14
    format = "<b>%s</b>\n%b"
    show_indicators = no
    history_length = 100
[urgency_low]
    background = "#26303bf2"
    foreground = "#e8edf2"
    frame_color = "#4c5a69"
[urgency_normal]
    background = "#26303bf2"
    foreground = "#e8edf2"
    frame_color = "#4c5a69"
[urgency_critical]
    background = "#26303bf2"
    foreground = "#ffffff"
    frame_color = "#d64545"
INI

export HOLDFAST_DESKTOP="$directory"

# Starts a server that writes where it can be reached into a pipe, and gives that. $1: its name for messages.
start_server() {
  local name=$1 answer
  shift
  mkfifo "$directory/$name.answer"
  "$@" 3>"$directory/$name.answer" >"$directory/$name.log" 2>&1 &
  if ! read -r -t 30 answer <"$directory/$name.answer"; then
    echo "desktop.sh: $name did not start:" >&2
    tail -n 5 "$directory/$name.log" >&2
    return 1
  fi
  echo "$answer"
}

# The X server takes a free display by itself and says which: no race between two desktops.
number=$(start_server Xvfb Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp -noreset) || exit 1
export DISPLAY=":$number"
DBUS_SESSION_BUS_ADDRESS=$(start_server dbus-daemon dbus-daemon --session --nofork --nosyslog \
  "--address=unix:path=$XDG_RUNTIME_DIR/bus" --print-address=3) || exit 1
export DBUS_SESSION_BUS_ADDRESS

convert -size 1280x800 'gradient:#5d7187-#2f3c4b' miff:- 2>/dev/null | display -window root miff:- >/dev/null 2>&1 &
for program in xfwm4 xfce4-panel dunst; do
  "$program" >"$directory/$program.log" 2>&1 &
done

owned() {
  dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner "string:$1" \
    2>/dev/null | grep -q true
}
for name in org.kde.StatusNotifierWatcher org.freedesktop.Notifications; do
  for _ in $(seq 300); do
    owned "$name" && continue 2
    sleep 0.05
  done
  echo "desktop.sh: nobody provides $name" >&2
  tail -n 3 "$directory"/*.log >&2
  exit 1
done

# In the background, so that a signal to this script is acted on at once.
"$@" <&0 &
wait "$!"
exit "$?"
