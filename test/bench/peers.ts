import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { freePort, isOpen, type SftpServer } from '../support/servers/sftp.ts'
import { until } from '../support/until.ts'

// Other programs that copy a directory, with their best options. Each function returns the seconds that it took.

const execute = promisify(execFile)

export interface Peer {
  name: string
  copy(source: string, into: string): Promise<number>
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await run()
  return (performance.now() - startedAt) / 1000
}

export interface RsyncDaemon {
  /** Sends a directory into a module of the daemon. */
  send(source: string, into: string, flags: string[]): Promise<number>
  /** Fetches a directory of the module. */
  fetch(from: string, into: string, flags: string[]): Promise<number>
  stop(): void
}

export async function startRsyncDaemon(directory: string): Promise<RsyncDaemon> {
  const port = await freePort()
  const root = path.join(directory, 'rsync')
  mkdirSync(root)
  const config = path.join(directory, 'rsyncd.conf')
  const owner = `uid = ${process.getuid?.() ?? 0}`
  writeFileSync(config, `[store]\npath = ${root}\nread only = no\nuse chroot = no\n${owner}\n`)
  const words = ['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${port}`, `--config=${config}`]
  const daemon = spawn('rsync', words, { stdio: 'ignore' })
  await until('the rsync daemon', () => isOpen(port))
  const url = `rsync://127.0.0.1:${port}/store`
  const copy = (words: string[]) => timed(() => execute('rsync', ['-a', ...words]))
  return {
    send: (source, into, flags) => copy([...flags, `${source}/`, `${url}/${into}/`]),
    fetch: (from, into, flags) => copy([...flags, `${url}/${from}/`, `${into}/`]),
    stop: () => void daemon.kill(),
  }
}

/** Copies by a daemon of rsync that is started for it. */
export const copyByRsync =
  (flags: string[]) =>
  async (source: string, into: string): Promise<number> => {
    const daemon = await startRsyncDaemon(into)
    try {
      return await daemon.send(source, 'copy', flags)
    } finally {
      daemon.stop()
    }
  }

/** Copies by rclone. `remote`: its settings, as its environment variables RCLONE_CONFIG_THERE_… name them. */
export function copyByRclone(
  remote: Record<string, string>,
  source: string,
  into: string,
  flags: string[],
): Promise<number> {
  const settings = Object.entries(remote).map(([name, value]) => [`RCLONE_CONFIG_THERE_${name}`, value])
  // With AWS's own variable for certificates this rclone does not start.
  const { AWS_CA_BUNDLE: _, ...inherited } = process.env
  const env = { ...inherited, ...Object.fromEntries(settings), RCLONE_CONFIG: '/dev/null' }
  return timed(() => execute('rclone', ['copy', source, `there:${into}`, ...flags], { env }))
}

/** Returns rclone's settings of an SFTP server. */
export const sftpRemote = ({ port, user, keyFile }: Pick<SftpServer, 'port' | 'user' | 'keyFile'>) => ({
  ...{ TYPE: 'sftp', HOST: '127.0.0.1', PORT: String(port), USER: user, KEY_FILE: keyFile },
})

/** Copies by rclone over SFTP; `port`: of the server, or of a line to it. */
export function copyBySftp(server: SftpServer, port: number, source: string, into: string): Promise<number> {
  const copy = path.join(into, 'copy')
  mkdirSync(copy)
  const streams = ['--transfers=32', '--sftp-concurrency=64', '--sftp-chunk-size=255k']
  // Otherwise it runs a command at the server for each file.
  const flags = [...streams, '--sftp-disable-hashcheck']
  return copyByRclone(sftpRemote({ ...server, port }), source, copy, flags)
}

/** Programs that copy over SSH. Only the first two make their copies durable. */
export function listSshPeers(server: SftpServer): Peer[] {
  const { port, user, keyFile } = server
  const options = ['-p', String(port), '-i', keyFile, '-o', 'StrictHostKeyChecking=no']
  const ssh = ['ssh', ...options, '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR']
  const there = `${user}@127.0.0.1`
  return [
    {
      name: 'rsync --fsync over ssh',
      copy: (source, into) =>
        timed(() =>
          execute('rsync', ['-a', '--fsync', '-e', ssh.join(' '), `${source}/`, `${there}:${into}/copy/`]),
        ),
    },
    {
      name: 'tar over ssh, then sync -f',
      copy: (source, into) => {
        const copy = path.join(into, 'copy')
        const unpack = `mkdir ${copy} && tar -xf - -C ${copy} && sync -f ${copy}`
        const script = 'source=$1; shift; tar -cf - -C "$source" . | "$@"'
        return timed(() => execute('sh', ['-c', script, 'sh', source, ...ssh, there, unpack]))
      },
    },
    { name: 'rclone, SFTP, not durable', copy: (source, into) => copyBySftp(server, port, source, into) },
  ]
}

const FOLDER = 'bench'
const KEY = 'bench'
const SYNCED_WITHIN_MS = 600_000

interface Node {
  home: string
  id: string
  gui: number
  port: number
}

/**
 * Sends a directory with two Syncthing processes, of which the sender connects to the other one. Seconds from the start
 * of the folder, whose files are not scanned yet, until the other end has all of it.
 * @param through returns the port to connect to instead of the receiver's.
 */
export async function sendWithSyncthing(
  source: string,
  into: string,
  through: (port: number) => Promise<number> = (port) => Promise.resolve(port),
): Promise<number> {
  const nodes = await Promise.all(['near', 'far'].map((name) => createNode(path.join(into, name))))
  const [near, far] = nodes
  if (near === undefined || far === undefined) throw new Error('no Syncthing')
  const copy = path.join(into, 'copy')
  mkdirSync(copy)
  writeConfig(near, { ...far, address: `tcp://127.0.0.1:${await through(far.port)}` }, source, 'sendonly')
  // Without a discovery server, "dynamic" has no address.
  writeConfig(far, { ...near, address: 'dynamic' }, copy, 'receiveonly')
  const processes = nodes.map(({ home }) =>
    spawn('syncthing', ['serve', `--home=${home}`, '--no-browser', '--no-upgrade', '--no-restart'], {
      stdio: 'ignore',
    }),
  )
  try {
    await until('both ends are connected', () => isConnected(near, far))
    const startedAt = performance.now()
    for (const node of nodes)
      await ask(node, `config/folders/${FOLDER}`, { method: 'PATCH', body: '{"paused": false}' })
    await until('all files are there', () => isComplete(near, far), SYNCED_WITHIN_MS)
    return (performance.now() - startedAt) / 1000
  } finally {
    const ended = Promise.all(processes.map((one) => once(one, 'exit')))
    for (const one of processes) one.kill()
    await ended
  }
}

async function createNode(home: string): Promise<Node> {
  execFileSync('syncthing', ['generate', `--home=${home}`, '--no-default-folder'], { stdio: 'ignore' })
  const id = execFileSync('syncthing', ['--device-id', `--home=${home}`], { encoding: 'utf8' }).trim()
  return { home, id, gui: await freePort(), port: await freePort() }
}

function writeConfig(own: Node, other: Node & { address: string }, directory: string, type: string): void {
  const device = (id: string, address: string) =>
    `<device id="${id}"><address>${address}</address><paused>false</paused></device>`
  const members = [own, other].map(({ id }) => `<device id="${id}"/>`).join('')
  writeFileSync(
    path.join(own.home, 'config.xml'),
    `<configuration version="36">
<folder id="${FOLDER}" path="${directory}" type="${type}" rescanIntervalS="0" fsWatcherEnabled="false"><paused>true</paused><markerName>.</markerName>${members}</folder>
${device(own.id, 'dynamic')}${device(other.id, other.address)}
<gui enabled="true" tls="false"><address>127.0.0.1:${own.gui}</address><apikey>${KEY}</apikey></gui>
<options><listenAddress>tcp://127.0.0.1:${own.port}</listenAddress><globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled><relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><urAccepted>-1</urAccepted><crashReportingEnabled>false</crashReportingEnabled><reconnectionIntervalS>1</reconnectionIntervalS></options>
</configuration>
`,
  )
}

async function ask({ gui }: Node, query: string, options: RequestInit = {}): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${gui}/rest/${query}`, {
    ...options,
    headers: { 'X-API-Key': KEY },
  })
  if (!answer.ok) throw new Error(`${query}: ${answer.status} ${await answer.text()}`)
  const text = await answer.text()
  return text === '' ? null : JSON.parse(text)
}

/** Returns a member of an answer; undefined: the process does not answer yet, or has no such member. */
async function read(node: Node, query: string, ...names: string[]): Promise<unknown> {
  let found = await ask(node, query).catch(() => null)
  for (const name of names)
    found = typeof found === 'object' && found !== null ? Reflect.get(found, name) : undefined
  return found
}

const isConnected = async (near: Node, far: Node): Promise<boolean> =>
  (await read(near, 'system/connections', 'connections', far.id, 'connected')) === true

async function isComplete(near: Node, far: Node): Promise<boolean> {
  const files = await read(near, `db/status?folder=${FOLDER}`, 'localFiles')
  const state = await read(near, `db/status?folder=${FOLDER}`, 'state')
  if (state !== 'idle' || typeof files !== 'number' || files === 0) return false
  const query = `db/status?folder=${FOLDER}`
  const [there, needed] = [await read(far, query, 'inSyncFiles'), await read(far, query, 'needTotalItems')]
  return there === files && needed === 0
}
