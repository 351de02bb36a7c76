import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { freePort } from '../support/servers/sftp.ts'
import { until } from '../support/until.ts'

const FOLDER = 'bench'
const KEY = 'bench'
const WITHIN_MS = 600_000

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
    await until('all files are there', () => isComplete(near, far), WITHIN_MS)
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
