import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ensureServers } from '../../build/setup/system.mjs'
import { makeBucket } from '../support/servers/buckets.ts'
import { startStorageServer, stopStorageServers } from '../support/servers/servers.ts'
import { startSftpServer } from '../support/servers/sftp.ts'
import { type Load, sendTo, settle, type Target, writeLoad } from './ends.ts'
import { copyByRclone, sftpRemote } from './peers.ts'
import type { Row } from './row.ts'

const SMALL: Load = { name: '2,000 × 4 KiB', files: 2_000, bytes: 4096, runs: 5 }
const LARGE: Load = { name: '1 GiB', files: 1, bytes: 1024 ** 3, runs: 3 }
const BEFORE: Load = { name: '500 × 4 KiB', files: 500, bytes: 4096, runs: 1 }
const MEMORY_MIB = 200

/** A kind of destination, and how rclone is told of the same place. */
interface Rival {
  name: string
  /** A place that nothing was sent to yet. */
  place(): Promise<Target>
  /** rclone's remote, as its environment variables have it (RCLONE_CONFIG_THERE_…), and a place there. */
  remote: Record<string, string>
  at(): string
  /** rclone's best flags here, by the load. */
  flags: { small: string[]; large: string[] }
  stop(): Promise<void>
}

async function sftp(): Promise<Rival> {
  const server = await startSftpServer()
  const { port, user, key, hostKey, root } = server
  let count = 0
  const next = () => {
    count += 1
    mkdirSync(path.join(root, `run-${count}`))
    return `run-${count}`
  }
  const login = { host: '127.0.0.1', port, user, hostKey, login: 'key', keyFile: null } as const
  return {
    name: 'sftp',
    async place() {
      const common = { id: 'bench', name: 'nas', folder: 'station', recipient: null, hideNames: false }
      return { destination: { ...common, ...login, kind: 'sftp', path: next() }, secrets: { key } }
    },
    remote: sftpRemote(server),
    at: next,
    flags: {
      small: ['--transfers=32', '--checkers=32', '--sftp-disable-hashcheck'],
      large: ['--sftp-concurrency=64', '--sftp-chunk-size=255k', '--sftp-disable-hashcheck'],
    },
    stop: server.stop,
  }
}

/** OpenStack Swift behind its S3 API. */
async function swift(): Promise<Rival> {
  const root = mkdtempSync('/tmp/hf-')
  const server = await startStorageServer(root, 'swift')
  const { client, bucket } = await makeBucket(server)
  client.destroy()
  const { endpoint, region, accessKey, secretKey } = server
  let count = 0
  const next = () => {
    count += 1
    return `run-${count}`
  }
  return {
    name: 's3, Swift',
    async place() {
      const common = { id: 'bench', name: 'cloud', folder: 'station', recipient: null, hideNames: false }
      const how = { pathStyle: true, storageClass: null, lockDays: null, certificate: null }
      const at = { endpoint, region, bucket, prefix: next() }
      return { destination: { ...common, ...how, ...at, kind: 's3' }, secrets: { accessKey, secretKey } }
    },
    remote: {
      TYPE: 's3',
      PROVIDER: 'Other',
      ENDPOINT: endpoint,
      REGION: region,
      ACCESS_KEY_ID: accessKey,
      SECRET_ACCESS_KEY: secretKey,
    },
    at: () => `${bucket}/${next()}`,
    flags: {
      small: ['--transfers=32', '--checkers=32', '--s3-no-check-bucket', '--s3-no-head'],
      large: ['--s3-chunk-size=16M', '--s3-upload-concurrency=8', '--s3-no-check-bucket', '--s3-no-head'],
    },
    async stop() {
      await stopStorageServers(root)
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** The programs take turns, so that what else the machine does meets both. */
async function against(rival: Rival, load: Load, directory: string): Promise<Row[]> {
  const source = path.join(directory, `source-${load.files}`)
  writeLoad(load, source)
  const ours: Awaited<ReturnType<typeof sendTo>>[] = []
  const theirs: number[] = []
  for (let run = 0; run < load.runs; run += 1) {
    const own = mkdtempSync(path.join(directory, 'run-'))
    settle()
    const before = path.join(directory, 'before')
    ours.push(await sendTo(await rival.place(), { source, before, directory: own }))
    settle()
    const flags = load === LARGE ? rival.flags.large : rival.flags.small
    theirs.push(await copyByRclone(rival.remote, source, rival.at(), flags))
  }
  const metric = `${rival.name}, ${load.name}`
  return [
    {
      metric,
      value: Math.min(...ours.map(({ seconds }) => seconds)),
      unit: 's',
      reference: { name: 'rclone', value: Math.min(...theirs) },
      target: { atMost: 1 },
    },
    {
      metric: `${metric}, memory of the sender at its peak`,
      value: Math.max(...ours.map(({ senderMiB }) => senderMiB)),
      unit: 'MiB',
      reference: null,
      target: { atMost: MEMORY_MIB },
    },
  ]
}

/** Another kind of destination takes part by a function here. */
const rivals: readonly (() => Promise<Rival>)[] = [sftp, swift]

/** Sending to durable at what is no Holdfast, against rclone on the same files. */
export async function* run(): AsyncGenerator<Row> {
  await ensureServers()
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  try {
    writeLoad(BEFORE, path.join(directory, 'before'))
    for (const start of rivals) {
      const rival = await start()
      try {
        for (const load of [SMALL, LARGE]) yield* await against(rival, load, directory)
      } finally {
        await rival.stop()
      }
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
