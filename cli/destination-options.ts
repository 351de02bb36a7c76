import path from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { type TestedDestination, testedDestinationSchema } from '../core/settings/destination-schema.ts'
import { readSftpTarget } from '../core/settings/sftp-target.ts'
import { collect, type NONE, parseLock, toSetting } from './option-words.ts'
import { WrongUsage } from './wrong-usage.ts'

/** A destination as the user gives it; its host key may still be unknown. */
export type Wanted = TestedDestination

export interface AddOptions {
  data?: string
  json?: boolean
  name?: string
  folder?: string
  secret?: string[]
  recipient?: string
  hideNames?: boolean
  host?: string
  port?: number
  user?: string
  endpoint?: string
  url?: string
  login?: string
  keyFile?: string
  hostKey?: string
  knownHosts?: string
  region?: string
  hostStyle?: boolean
  storageClass?: string
  lock?: number | typeof NONE
  certificate?: string
}

const withSecrets = (command: Command): Command =>
  command.option(
    '--secret <field=file>',
    'a secret, read from a file, or from standard input with "-" (repeatable); else it is taken from HOLDFAST_…, or asked for',
    collect,
  )

/** Adds the options that all kinds of servers have. */
const withServerOptions = (command: Command): Command =>
  withSecrets(command.option('--folder <name>', "this computer's folder there (default: its host name)"))

/** Adds the options that all kinds of destinations have. */
const withName = (command: Command): Command =>
  command
    .option('--name <name>', 'the name of the destination here')
    .option('--recipient <age1…>', 'encrypt contents for this age recipient')
    .option('--hide-names', 'with --recipient: encrypt names of files and directories, too')
    .option('--json', 'print what was added as JSON, without secrets')

const withLogin = (command: Command): Command =>
  command
    .option('--login <how>', 'password, key (the secret "key"), file or agent', parseLogin)
    .option('--key-file <path>', 'the private key on this computer that it logs in with')
    .option('--host-key <SHA256:…>', "the server's host key; without, it is shown and asked about")
    .option(
      '--known-hosts <file>',
      "take the server's host key from a known_hosts file of OpenSSH, such as ~/.ssh/known_hosts",
    )

const withCertificate = (command: Command): Command =>
  command.option(
    '--certificate <sha256>',
    'a certificate that no authority has signed, with or without colons; without, it is shown and asked about',
    (text: string) => text.replaceAll(':', '').toLowerCase(),
  )

const withBucket = (command: Command): Command =>
  withCertificate(
    command
      .option('--region <region>', 'its region (default: us-east-1)')
      .option('--storage-class <class>', 'as the store names it')
      .option(
        '--lock <days>',
        'lock each uploaded object for so long: no key can remove or replace it before; needs a bucket with object lock: 90d, or "none"',
        parseLock,
      ),
  )

const withSftpOptions = (command: Command): Command => withLogin(withServerOptions(withName(command)))

const withS3Options = (command: Command): Command =>
  withBucket(
    withServerOptions(withName(command)).option(
      '--host-style',
      "the bucket's name in the host's name, not in the path",
    ),
  )

const withWebdavOptions = (command: Command): Command =>
  withCertificate(withServerOptions(withName(command)).requiredOption('--user <user>', 'who logs in there'))

/** Adds the options that change how an existing destination is reached. */
export const withChanges = (command: Command): Command =>
  withBucket(
    withLogin(
      withSecrets(command)
        .option('--host <host>', 'the address that the receiver or SFTP server has now')
        .option('--port <port>', 'its port', Number)
        .option('--user <user>', 'who logs in there')
        .option('--endpoint <url>', 'the address that the S3-compatible store has now')
        .option('--url <url>', 'the address that the directory of a WebDAV server has now'),
    ),
  )

const logins = ['password', 'key', 'file', 'agent']

function parseLogin(text: string): string {
  if (!logins.includes(text)) throw new InvalidArgumentError(`It must be one of ${logins.join(', ')}.`)
  return text
}

/** @throws WrongUsage cli.destinations.invalid */
export function parseDestination(given: object): Wanted {
  const result = testedDestinationSchema.safeParse(given)
  if (result.success) return result.data
  const [issue] = result.error?.issues ?? []
  const reason = [issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')
  throw new WrongUsage('cli.destinations.invalid', { reason })
}

/** @throws WrongUsage cli.destinations.hideNames */
function getEncryption({ recipient, hideNames }: AddOptions) {
  if (hideNames === true && recipient === undefined) throw new WrongUsage('cli.destinations.hideNames')
  return { recipient, hideNames }
}

function parseFolderDestination(directory: string, options: AddOptions): Wanted {
  const { name } = options
  const resolved = path.resolve(directory)
  return parseDestination({
    kind: 'folder',
    path: resolved,
    name: name ?? (path.basename(resolved) || resolved),
    ...getEncryption(options),
  })
}

/** @throws WrongUsage cli.destinations.sftpTarget, cli.destinations.invalid */
function parseSftpDestination(target: string, options: AddOptions): Wanted {
  const { host, user, port, path: directory = '' } = readSftpTarget(target) ?? {}
  if (host === undefined || user === undefined)
    throw new WrongUsage('cli.destinations.sftpTarget', { target })
  const { name, folder, keyFile, hostKey = '' } = options
  const hasKey = options.secret?.some((pair) => pair.startsWith('key=')) === true
  const login = options.login ?? (keyFile !== undefined ? 'file' : hasKey ? 'key' : undefined)
  return parseDestination({
    kind: 'sftp',
    name: name ?? host,
    ...{ user, host, port, path: directory, hostKey },
    ...{ folder, login, ...getEncryption(options) },
    keyFile: keyFile === undefined ? undefined : path.resolve(keyFile),
  })
}

/** @param place "bucket" or "bucket/prefix", optionally after "s3://". @throws WrongUsage cli.destinations.invalid */
function parseS3Destination(endpoint: string, place: string, options: AddOptions): Wanted {
  const [bucket = '', ...prefix] = place
    .replace(/^s3:\/\//i, '')
    .replace(/\/+$/, '')
    .split('/')
  const { name, folder, region, storageClass, certificate, lock } = options
  return parseDestination({
    kind: 's3',
    name: name ?? bucket,
    ...{ endpoint, bucket, prefix: prefix.join('/'), pathStyle: options.hostStyle !== true },
    ...{ folder, region, storageClass, certificate, ...getEncryption(options) },
    lockDays: toSetting(lock),
  })
}

/** @throws WrongUsage cli.destinations.invalid */
function parseWebdavDestination(address: string, options: AddOptions): Wanted {
  const { name, user, folder, certificate } = options
  return parseDestination({
    kind: 'webdav',
    name: name ?? URL.parse(address)?.hostname,
    ...{ url: address.replace(/\/+$/, ''), user },
    ...{ folder, certificate, ...getEncryption(options) },
  })
}

/** How `holdfast destinations add` adds a destination of one kind. */
interface AddableKind {
  kind: Wanted['kind']
  description: string
  /** Names and descriptions of its arguments. */
  arguments: readonly (readonly [name: string, description: string])[]
  withOptions: (command: Command) => Command
  /** @param words one for each argument. @throws WrongUsage */
  parse(words: readonly string[], options: AddOptions): Wanted
}

export const addableKinds: readonly AddableKind[] = [
  {
    kind: 'folder',
    description: 'a mounted disk or share',
    arguments: [['<path>', 'the folder']],
    withOptions: withName,
    parse: ([directory = ''], options) => parseFolderDestination(directory, options),
  },
  {
    kind: 'sftp',
    description: 'a computer with an SSH server',
    arguments: [
      [
        '<target>',
        'user@host, user@host:path, user@host:port/path or sftp://user@host:port/path; an IPv6 address in brackets',
      ],
    ],
    withOptions: withSftpOptions,
    parse: ([target = ''], options) => parseSftpDestination(target, options),
  },
  {
    kind: 's3',
    description: 'a bucket of an S3-compatible store',
    arguments: [
      ['<endpoint>', 'https://host[:port]'],
      ['<bucket>', 'the bucket, or bucket/prefix'],
    ],
    withOptions: withS3Options,
    parse: ([endpoint = '', bucket = ''], options) => parseS3Destination(endpoint, bucket, options),
  },
  {
    kind: 'webdav',
    description: 'a directory of a WebDAV server, such as Nextcloud',
    arguments: [['<url>', 'https://host[:port]/directory, which must exist']],
    withOptions: withWebdavOptions,
    parse: ([url = ''], options) => parseWebdavDestination(url, options),
  },
]
