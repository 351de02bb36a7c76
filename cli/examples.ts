/** Complete lines for the commands whose words a newcomer does not guess; below their help, and in docs/commands.md. */
export const examples: Readonly<Record<string, readonly string[]>> = {
  'holdfast why': ['holdfast why /data/run_42', 'holdfast why /data/run_42/a.raw'],
  'holdfast destinations add s3': [
    'HOLDFAST_ACCESS_KEY=… HOLDFAST_SECRET_KEY=… holdfast destinations add s3 https://s3.example.org lab-data/station',
  ],
  'holdfast destinations eject': ['holdfast destinations eject usb', 'holdfast destinations use usb'],
  'holdfast restore': [
    'holdfast restore --from nas data/notes.csv --list',
    'holdfast restore --from nas data/notes.csv --at 2026-11-20 --in-place --overwrite',
    'holdfast restore --from nas data/run_42 --to /data/back',
  ],
  'holdfast verify': ['holdfast verify nas', 'holdfast verify nas --sample'],
  'holdfast failures mute': ['holdfast failures mute 1h', 'holdfast failures mute /data 2h'],
  'holdfast events': ['holdfast events --since 24h --type file.durable --json'],
  'holdfast receive': ['holdfast receive on /srv/copies', 'holdfast pair'],
  'holdfast settings limit': [
    "holdfast settings limit none --rule 'daily 08:00-20:00 2M'",
    "holdfast settings limit none --rule 'daily 06:00-22:00 pause'",
  ],
}
