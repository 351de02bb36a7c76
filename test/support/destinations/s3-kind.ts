import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { inject } from 'vitest'
import type { ObjectInfo, ObjectStore } from '../../../core/backends/objects/object-store.ts'
import { MIB, makeBucket, type TestBucket } from '../servers/buckets.ts'
import { type Refusal, startProxy } from '../servers/proxy.ts'
import { type StorageServer, type StorageServerName, startStorageServer } from '../servers/servers.ts'
import { flipBit, type Place, type TestedKind } from './kind.ts'

const FOLDER = 'station'
const never = new AbortController().signal

export async function readObject(store: ObjectStore, name: string, version?: string | null): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of store.read(name, 0, never, version)) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

export async function listAll(store: ObjectStore, prefix: string): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = []
  for (let after: string | null = null; ; ) {
    const page = await store.list(prefix, after, true)
    found.push(...page.objects)
    after = page.next
    if (after === null) return found
  }
}

/** A place in a bucket, below a prefix of its own. */
export function s3Place(server: StorageServer, { client, bucket, open }: TestBucket): Place {
  const prefix = `lab/${randomUUID()}`
  const store = open({ prefix: `${prefix}/`, own: `${FOLDER}/.holdfast/` })
  const { endpoint, region, accessKey, secretKey } = server
  const port = Number(new URL(endpoint).port)
  return {
    port,
    secrets: { accessKey, secretKey },
    settings: (at = port) => ({
      id: 'd',
      kind: 's3',
      name: 'nas',
      endpoint: `http://127.0.0.1:${at}`,
      region,
      bucket,
      prefix,
      pathStyle: true,
      storageClass: null,
      lockDays: null,
      certificate: null,
      folder: FOLDER,
      recipient: null,
      hideNames: false,
    }),
    async file(source, path) {
      const name = `${FOLDER}/${source}/${path}`
      const info = await store.info(name)
      return info === null ? null : { ...info, bytes: await readObject(store, name) }
    },
    async older(source, path) {
      const found = await listAll(store, `${FOLDER}/.holdfast/versions/${source}/${path}/`)
      return Promise.all(found.map(({ name }) => readObject(store, name)))
    },
    async damage(source, path, change = flipBit) {
      const at = { Bucket: bucket, Key: `${prefix}/${FOLDER}/${source}/${path}` }
      const { Metadata, Body } = await client.send(new GetObjectCommand(at))
      const bytes = change(Buffer.from((await Body?.transformToByteArray()) ?? []))
      if (bytes === null) await client.send(new DeleteObjectCommand(at))
      else await client.send(new PutObjectCommand({ ...at, Metadata, Body: bytes }))
    },
    // As a tool does that copies objects without their metadata.
    async loseProperties() {
      for (const { name } of await listAll(store, `${FOLDER}/`)) {
        const [Key, at] = [`${prefix}/${name}`, { Bucket: bucket, MetadataDirective: 'REPLACE' as const }]
        const CopySource = `${bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`
        await client.send(new CopyObjectCommand({ ...at, Key, CopySource, Metadata: {} }))
      }
    },
    async leftOvers() {
      const notes = await listAll(store, `${FOLDER}/.holdfast/uploads/`)
      const listed = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }))
      return [...notes.map(({ name }) => name), ...(listed.Uploads ?? []).map(({ Key = '' }) => Key)]
    },
  }
}

/** The same with room for so much, which a proxy counts: a real quota is looked at by the engines only now and then. */
async function smallPlace(server: StorageServer, bucket: TestBucket, megabytes: number): Promise<Place> {
  let left = megabytes * MIB
  let isReadOnly = false
  const refuse = ({ method, headers }: IncomingMessage): Refusal | null => {
    if (method !== 'PUT' && method !== 'POST') return null
    if (isReadOnly) return { status: 403, code: 'AccessDenied' }
    const bytes = Number(headers['content-length'] ?? 0)
    if (bytes > left) return { status: 403, code: 'QuotaExceeded' }
    left -= bytes
    return null
  }
  const port = Number(new URL(await startProxy(server.endpoint, { refuse })).port)
  const place = s3Place(server, bucket)
  return {
    ...place,
    port,
    settings: (at = port) => place.settings(at),
    fill(leaving) {
      const before = left
      left = leaving
      return () => {
        left = before
      }
    },
    async makeReadOnly() {
      isReadOnly = true
    },
  }
}

export function s3Kind(engine: StorageServerName): TestedKind {
  let server: StorageServer | null = null
  let bucket: TestBucket | null = null
  return {
    name: `s3, ${engine}`,
    canBeFull: true,
    asksAgain: true,
    resumes: true,
    keepsNs: (ns) => ns,
    keepsMode: (mode) => mode,
    async start() {
      server = await startStorageServer(inject('servers'), engine)
      bucket = await makeBucket(server)
    },
    async open(_home, { megabytes } = {}) {
      if (server === null || bucket === null) throw new Error('it was not started')
      return megabytes === undefined ? s3Place(server, bucket) : smallPlace(server, bucket, megabytes)
    },
  }
}
