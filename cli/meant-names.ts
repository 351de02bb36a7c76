import type { Command } from 'commander'
import { findNearest } from './terminal/nearest.ts'
import { named } from './terminal/terminal-words.ts'
import { WrongUsage } from './terminal/wrong-usage.ts'

/** Words that newcomers try, beside the command that does it. They are refused, with that command's name. */
export const meantNames: Record<string, string> = {
  status: 'state info summary ps top dashboard',
  folders: 'folder directories directory dirs dir sources source list ls show',
  'folders add': 'add protect watch',
  'folders remove': 'remove rm delete del unprotect',
  'folders pause': 'stop halt suspend',
  'folders resume': 'continue unpause',
  'folders retry': 'retry',
  why: 'where find locate explain reason file files',
  send: 'backup back-up sync upload push copy transfer preview diff',
  check: 'test try',
  destinations: 'destination dest remote remotes repo repos repository target targets place places bucket',
  'destinations add': 'mount',
  'destinations eject': 'eject unmount umount',
  'destinations keep': 'retention prune forget',
  pair: 'connect join invite invitation code link',
  restore: 'get recover undelete download pull fetch versions snapshots cat',
  verify: 'integrity scrub audit intact',
  'verify --repair': 'repair fix',
  failures: 'failure errors error problems problem alerts alert alarms troubles issues',
  'failures mute': 'mute silence quiet',
  'failures acknowledge': 'acknowledge ack',
  'failures snooze': 'snooze',
  channels: 'channel notifications notification notify mail mails email slack telegram line sms',
  events: 'event log logs journal tail follow',
  receive: 'server serve listen',
  stations: 'station clients client machines hosts peers fleet',
  report: 'reports stats statistics overview',
  history: 'latency delays graph',
  changes: 'change who audit-log auditlog',
  manifest: 'checksums checksum hashes hash digests sums sha256sum bagit',
  disks: 'disk smart health drives',
  agent: 'start run daemon',
  'service install': 'install enable autostart',
  'service uninstall': 'uninstall disable',
  settings: 'setting config configure configuration set options preferences',
  'settings limit': 'speed bandwidth throttle rate schedule',
  'settings web': 'ui gui browser page token',
  'settings export': 'export',
  'settings import': 'import',
  computers: 'computer monitor',
  diagnostics: 'support bug debug',
  '--version': 'version',
}

/** The same for words after a command: each is meant if the command has it. '': the command alone. */
const meantInner: Record<string, string> = {
  '': 'list ls show get print view status',
  add: 'new create register set',
  change: 'edit modify update set configure',
  remove: 'delete rm del unpair forget',
  revoke: 'remove delete rm del unpair',
  rename: 'name',
  acknowledge: 'ack',
  mute: 'silence quiet off pause',
  unmute: 'unsilence on resume',
  on: 'enable start',
  off: 'disable stop',
  install: 'enable start add',
  uninstall: 'disable stop remove',
  pause: 'stop',
  resume: 'start continue unpause',
  restore: 'undo recover',
  test: 'try check',
}

/** The same after `settings`, which has settings where others have commands. */
const meantSettings: Record<string, string> = {
  'settings [KEY]': 'list ls show get print view',
  'settings KEY VALUE': 'set change edit reset',
}

const find = (table: Record<string, string>, word: string, isThere: (name: string) => boolean) =>
  Object.entries(table).find(([name, words]) => words.split(' ').includes(word) && isThere(name))?.[0]

/**
 * Refuses a first word that is no command, with the name that is meant if there is one.
 * @param names all commands
 * @throws WrongUsage
 */
export function refuseUnknown(word: string, names: readonly string[]): never {
  const command = find(meantNames, word, () => true) ?? findNearest(word, names)
  if (command === null) throw new WrongUsage('cli.unknown', { word })
  throw new WrongUsage('cli.meant', { word, command })
}

/**
 * Refuses a word that no inner command has as its name, with the name that is meant, or with all.
 * @param words after the command's own name
 * @throws WrongUsage
 */
export function refuseInner(command: Command, words: readonly string[], above = ''): void {
  const [word = '-', ...rest] = words
  const inner = command.commands.find((one) => one.name() === word)
  const path = `${above}${command.name()}`
  const isOther = word.startsWith('-') || word === 'help'
  const form = path === 'settings' ? find(meantSettings, word, () => true) : undefined
  if (form !== undefined) throw new WrongUsage('cli.meant', { word: `${path} ${word}`, command: form })
  if (inner !== undefined) refuseInner(inner, rest, `${path} `)
  else if (!isOther && command.commands.length > 0 && command.registeredArguments.length === 0)
    refuseUnknownInner(command, word, path)
}

function refuseUnknownInner(command: Command, word: string, path: string): never {
  const names = command.commands.map((one) => one.name())
  const meant = find(meantInner, word, (name) => name === '' || names.includes(name))
  if (meant !== undefined)
    throw new WrongUsage('cli.meant', { word: `${path} ${word}`, command: `${path} ${meant}`.trim() })
  throw new WrongUsage('cli.unknownInner', { word, command: path, names: named(names) })
}
