import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { userInfo } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { temporaryDirectory } from '../temporary.ts'
import { until } from '../until.ts'

const run = promisify(execFile)

export type KeyType = 'rsa' | 'ecdsa' | 'ed25519'
export const sshPrograms = ['OpenSSH', 'dropbear', 'proftpd'] as const
export type SshProgram = (typeof sshPrograms)[number]

/** An SSH server on the loopback whose host keys a test chooses. It ends with the test. */
export interface KeyedServer {
  port: number
  user: string
  /** The private key that may log in. */
  key: string
  /** A directory at the server that files may be sent to. */
  root: string
  /** Starts the server with these host keys, or again with others. */
  serve(types: readonly KeyType[]): Promise<void>
  /** Makes another key of a type. */
  renew(type: KeyType): Promise<void>
  /** The public key as known_hosts has it: its name and its base64. */
  line(type: KeyType): string
  fingerprint(type: KeyType): string
}

interface Place {
  directory: string
  port: number
  user: string
}

/** How a program is started, with the files of its host keys. */
type Start = (place: Place, keyFiles: readonly string[]) => [program: string, args: readonly string[]]

const starts: Record<SshProgram, Start> = {
  OpenSSH({ directory, port }, keyFiles) {
    const config = `${directory}/sshd_config`
    const lines = [
      ...[
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        'PidFile none',
        'StrictModes no',
        'UsePAM no',
        'UseDNS no',
      ],
      ...keyFiles.map((file) => `HostKey "${file}"`),
      `AuthorizedKeysFile "${directory}/client_key.pub"`,
      ...['PasswordAuthentication no', 'PermitRootLogin prohibit-password', 'Subsystem sftp internal-sftp'],
    ]
    writeFileSync(config, `${lines.join('\n')}\n`)
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true })
    return ['/usr/sbin/sshd', ['-D', '-e', '-f', config]]
  },
  // It looks for the keys that may log in in the user's home alone: it gets another one.
  dropbear({ directory, port }, keyFiles) {
    const home = `${directory}/home`
    mkdirSync(`${home}/.ssh`, { recursive: true, mode: 0o700 })
    writeFileSync(`${home}/.ssh/authorized_keys`, readFileSync(`${directory}/client_key.pub`), {
      mode: 0o600,
    })
    const keys = keyFiles.flatMap((file) => ['-r', file])
    const args = ['-F', '-E', '-p', `127.0.0.1:${port}`, '-P', `${directory}/pid`, ...keys]
    const script = 'mount --bind "$1" "$2" && shift 2 && exec dropbear "$@"'
    return ['unshare', ['--mount', 'sh', '-c', script, 'sh', home, userInfo().homedir, ...args]]
  },
  proftpd({ directory, port, user }, keyFiles) {
    const { uid, gid } = userInfo()
    const file = (name: string, text: string) => {
      writeFileSync(`${directory}/${name}`, text, { mode: 0o600 })
      return `${directory}/${name}`
    }
    const users = file('passwd', `${user}:*:${uid}:${gid}::${directory}/data:/bin/sh\n`)
    const config = file(
      'proftpd.conf',
      `${[
        ...['LoadModule mod_sftp.c', 'ServerType standalone', 'DefaultAddress 127.0.0.1', `Port ${port}`],
        ...[
          `User ${user}`,
          'Group root',
          'RootLogin on',
          'RequireValidShell off',
          'UseFtpUsers off',
          'UseReverseDNS off',
        ],
        ...[`AuthUserFile ${users}`, 'AuthOrder mod_auth_file.c', `PidFile ${directory}/pid`],
        ...[`ScoreboardFile ${directory}/scoreboard`, 'WtmpLog none', 'TransferLog none'],
        ...[`SystemLog ${directory}/system.log`, 'SFTPEngine on', `SFTPLog ${directory}/sftp.log`],
        ...keyFiles.map((key) => `SFTPHostKey ${key}`),
        ...[`SFTPAuthorizedUserKeys file:${directory}/client_key.rfc4716`, 'SFTPAuthMethods publickey'],
        ...['<Directory />', 'AllowOverwrite on', '</Directory>'],
      ].join('\n')}\n`,
    )
    return ['/usr/sbin/proftpd', ['-n', '-q', '-c', config]]
  },
}

/** Why a program cannot be started here; null: it can. */
export function missingFor(program: SshProgram): string | null {
  const file = { OpenSSH: '/usr/sbin/sshd', dropbear: '/usr/sbin/dropbear', proftpd: '/usr/sbin/proftpd' }
  if (!existsSync(file[program])) return `${program} is not installed`
  return program !== 'OpenSSH' && process.getuid?.() !== 0 ? `${program} is started by root alone` : null
}

async function makeKey(program: SshProgram, type: KeyType, file: string): Promise<void> {
  rmSync(file, { force: true })
  rmSync(`${file}.pub`, { force: true })
  if (program === 'dropbear') {
    await run('dropbearkey', ['-t', type, '-f', file])
    const { stdout } = await run('dropbearkey', ['-y', '-f', file])
    writeFileSync(`${file}.pub`, /^(ssh-|ecdsa-).*$/m.exec(stdout)?.[0] ?? '')
    return
  }
  const bits = type === 'rsa' ? ['-b', '2048'] : []
  // proftpd reads no others, but for ed25519, which has no such form.
  const form = program === 'proftpd' && type !== 'ed25519' ? ['-m', 'PEM'] : []
  await run('ssh-keygen', ['-q', '-t', type, ...bits, ...form, '-N', '', '-C', '', '-f', file])
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const answers = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    // Its greeting: proftpd listens before it can serve.
    socket.once('data', () => socket.destroy() && resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })

export async function openKeyedServer(program: SshProgram): Promise<KeyedServer> {
  const directory = temporaryDirectory('ssh')
  chmodSync(directory, 0o755)
  const root = path.join(directory, 'data')
  mkdirSync(root)
  const place: Place = { directory, port: await freePort(), user: userInfo().username }
  const keyFile = (type: KeyType) => `${directory}/host_${type}`
  const client = `${directory}/client_key`
  await run('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-C', 'test', '-f', client])
  const { stdout } = await run('ssh-keygen', ['-e', '-f', `${client}.pub`])
  writeFileSync(`${client}.rfc4716`, stdout)
  for (const type of ['rsa', 'ecdsa', 'ed25519'] as const) await makeKey(program, type, keyFile(type))
  let server: ChildProcess | null = null
  const stop = async () => {
    if (server !== null && server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit')
      server.kill()
      await ended
    }
    server = null
  }
  onTestFinished(stop)
  const line = (type: KeyType) =>
    readFileSync(`${keyFile(type)}.pub`, 'utf8')
      .trim()
      .split(' ')
      .slice(0, 2)
      .join(' ')
  return {
    port: place.port,
    user: place.user,
    key: readFileSync(client, 'utf8'),
    root,
    async serve(types) {
      await stop()
      const [command, args] = starts[program](place, types.map(keyFile))
      const started = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
      server = started
      let said = ''
      started.stderr.on('data', (text) => {
        said = `${said}${text}`.slice(-5_000)
      })
      await until(`${program} answers`, () => {
        if (started.exitCode !== null) throw new Error(said)
        return answers(place.port)
      })
    },
    renew: (type) => makeKey(program, type, keyFile(type)),
    line,
    fingerprint(type) {
      const blob = Buffer.from(line(type).split(' ')[1] ?? '', 'base64')
      return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
    },
  }
}
