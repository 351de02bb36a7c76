import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import type { TestBucket } from '../support/servers/buckets.ts'

/** A small tree with times and modes of its own: in a directory, executable, empty, above one piece. */
export async function makeSource(base: string): Promise<string> {
  const source = path.join(base, 'source')
  await mkdir(path.join(source, '2026', 'spring'), { recursive: true })
  const files = [
    ['2026/spring/IMG 0001.jpg', 0o644, Buffer.alloc(300_000, 1)],
    ['2026/run.sh', 0o755, Buffer.from('#!/bin/sh\n')],
    ['empty', 0o600, Buffer.alloc(0)],
    ['large.bin', 0o640, Buffer.alloc(3_000_000, 7)],
  ] as const
  for (const [index, [name, mode, content]] of files.entries()) {
    await writeFile(path.join(source, name), content)
    await chmod(path.join(source, name), mode)
    await utimes(path.join(source, name), 1_600_000_000 + index, 1_600_000_000 + index)
  }
  return source
}

/** Each file with what makes it the same one, but for the probe files of a check that runs meanwhile. */
export async function readFacts(directory: string): Promise<Record<string, unknown>> {
  const names = await readdir(directory, { recursive: true })
  const facts: [string, unknown][] = []
  for (const name of names.sort()) {
    if (name.startsWith('.holdfast-probe-')) continue
    const { mtimeMs, mode, isFile } = await stat(path.join(directory, name)).then((found) => ({
      mtimeMs: found.mtimeMs,
      mode: found.mode & 0o777,
      isFile: found.isFile(),
    }))
    if (!isFile) continue
    const digest = createHash('sha256')
      .update(await readFile(path.join(directory, name)))
      .digest('hex')
    facts.push([name, { mtimeMs, mode, digest }])
  }
  return Object.fromEntries(facts)
}

/** One content of a bucket, as it lies there, opened by the age program alone; `base`: a directory for what that needs. */
export async function openedByAge(
  { client, bucket }: TestBucket,
  ending: string,
  key: string,
  base: string,
): Promise<Buffer> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }))
  const found = Contents.find(({ Key }) => Key?.endsWith(ending))
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: found?.Key ?? ending }))
  const [encrypted, identity] = [path.join(base, 'encrypted'), path.join(base, 'key.txt')]
  await writeFile(encrypted, (await Body?.transformToByteArray()) ?? '')
  await writeFile(identity, `${key}\n`, { mode: 0o600 })
  return execFileSync('age', ['-d', '-i', identity, encrypted], { maxBuffer: 64 * 1024 * 1024 })
}
