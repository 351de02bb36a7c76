import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

/** A storage server as its script prints it. */
export interface StorageServer {
  endpoint: string
  region: string
  accessKey: string
  secretKey: string
}

export const storageServers = ['ceph', 'swift'] as const
export type StorageServerName = (typeof storageServers)[number]

const run = promisify(execFile)
const getScript = (name: StorageServerName): string => path.join(import.meta.dirname, `${name}.sh`)

/** One process at a time starts it; the others find what it printed. Ports are looked for below the kernel's own. */
const START = `
[ ! -e "$2/ready" ] || exit 0
mkdir -p "$2"
for try in 1 2 3 4 5 6 7 8; do
  port=$((20000 + (RANDOM % 1000) * 10))
  # The servers keep what they are given as output: it is a file, not this process's pipe.
  bash "$1" start "$2" "$port" > "$2/printed" 2> "$2/failed" && mv "$2/printed" "$2/ready" && exit 0
  grep -q taken "$2/failed" || break
done
cat "$2/failed" >&2; exit 1
`

/** @param root a directory with a short path (sockets are in it); servers that run below it already are used. */
export async function startStorageServer(root: string, name: StorageServerName): Promise<StorageServer> {
  const directory = path.join(root, name)
  const env = { ...process.env, CEPH_STORE: 'memstore' }
  await run('flock', ['-o', `${root}/${name}.lock`, 'bash', '-c', START, name, getScript(name), directory], {
    env,
  })
  const printed = readFileSync(path.join(directory, 'ready'), 'utf8')
  const parsePrinted = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(printed)?.[1] ?? ''
  return {
    endpoint: parsePrinted('endpoint'),
    region: parsePrinted('region'),
    accessKey: parsePrinted('access_key'),
    secretKey: parsePrinted('secret_key'),
  }
}

/** Stops those that run below the directory. */
export async function stopStorageServers(root: string): Promise<void> {
  const running = storageServers.filter((name) => existsSync(path.join(root, name)))
  await Promise.all(running.map((name) => run('bash', [getScript(name), 'stop', path.join(root, name)])))
}
