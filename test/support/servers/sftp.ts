import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { until } from '../until.ts'

const run = promisify(execFile)

/** A real OpenSSH server, that serves who starts it on the loopback, with its own keys. */
export interface SftpServer {
  port: number
  user: string
  /** Of the private key that may log in, and its text. */
  keyFile: string
  key: string
  hostKey: string
  /** Its files: relative paths begin here. */
  root: string
  /** Ends every connection that it has, as a crash of it would. */
  dropAll(): void
  stop(): Promise<void>
}

export async function freePort(): Promise<number> {
  const server = net.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function makeKey(file: string): Promise<void> {
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file])
}

export const isOpen = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

const buildConfig = (directory: string, port: number, options: string | null): string => `
Port ${port}
ListenAddress 127.0.0.1
HostKey "${directory}/host_key"
AuthorizedKeysFile "${directory}/client_key.pub"
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding no
MaxStartups 200
MaxSessions 64
UseDNS no
Subsystem sftp internal-sftp
${options === null ? '' : `ForceCommand internal-sftp -d ${directory}/data ${options}`}
`

/** The processes of its connections, which outlive the one that listens. */
function listChildren(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => {
      try {
        return readFileSync(`/proc/${child}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(pid)
      } catch {
        return false
      }
    })
}

/** Kills the processes that a server has started for its connections. */
export function killChildren(pid: number): void {
  for (const child of listChildren(pid)) {
    try {
      process.kill(child, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}

/**
 * Starts one; it ends with `stop`.
 * @param options of internal-sftp, as "-R" for one that nobody may write to; null: the server runs any command.
 */
export async function startSftpServer(options: string | null = ''): Promise<SftpServer> {
  const directory = mkdtempSync(path.join(tmpdir(), 'hf-sshd-'))
  const root = path.join(directory, 'data')
  mkdirSync(root)
  // Where sshd runs as root it wants an empty directory of that name.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true })
  const port = await freePort()
  await Promise.all([makeKey(`${directory}/host_key`), makeKey(`${directory}/client_key`)])
  const config = path.join(directory, 'sshd_config')
  writeFileSync(config, buildConfig(directory, port, options))
  const server = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  server.stderr.on('data', (text) => {
    said = `${said}${text}`.slice(-10_000)
  })
  const ended = once(server, 'exit')
  await until('sshd listens', async () => {
    if (server.exitCode !== null) throw new Error(said)
    return isOpen(port)
  })
  const { stdout } = await run('ssh-keygen', ['-l', '-f', `${directory}/host_key.pub`])
  const dropAll = () => killChildren(server.pid ?? 0)
  return {
    port,
    user: userInfo().username,
    keyFile: `${directory}/client_key`,
    key: readFileSync(`${directory}/client_key`, 'utf8'),
    hostKey: stdout.split(' ')[1] ?? '',
    root,
    dropAll,
    async stop() {
      dropAll()
      server.kill()
      await ended
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
