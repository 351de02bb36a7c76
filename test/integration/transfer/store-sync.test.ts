// @module-tag story
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openAt, smallFile } from '../../support/store/large-files.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const MIB = 1024 * 1024

/** An ext4 of `bytes` in a file on a memory disk that has only `room` for it. */
function mountDisk(base: string, bytes: number, room: number) {
  const memory = path.join(base, 'memory')
  const store = path.join(base, 'store')
  fs.mkdirSync(memory)
  fs.mkdirSync(store)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${room}`, 'tmpfs', memory])
  onTestFinished(() => void execFileSync('umount', ['-l', memory]))
  const image = path.join(memory, 'disk.img')
  fs.closeSync(fs.openSync(image, 'w'))
  fs.truncateSync(image, bytes)
  execFileSync('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=1', image])
  execFileSync('mount', ['-o', 'loop', image, store])
  onTestFinished(() => void execFileSync('umount', ['-l', store]))
  return { store, image }
}

/** The disk as it would be found now: what its file system has not written to it yet is lost. */
function mountAfterPowerFailure(base: string, image: string): string {
  const copy = path.join(base, 'copy.img')
  fs.copyFileSync(image, copy)
  const recovered = path.join(base, 'recovered')
  fs.mkdirSync(recovered)
  execFileSync('mount', ['-o', 'loop', copy, recovered])
  onTestFinished(() => void execFileSync('umount', ['-l', recovered]))
  return recovered
}

async function openTestStore(root: string) {
  const { store, source } = await openAt(root, { floor: { bytes: 0, percent: 0 } })
  return (name: string, bytes: Buffer) => store.receive(smallFile(source, name, bytes))
}

const buildContent = (index: number, bytes: number) => Buffer.alloc(bytes, `content ${index} `)

describe.skipIf(process.getuid?.() !== 0)('store on a separate disk (needs root: mounts)', () => {
  for (const count of [5, 300]) {
    test(`${count} small files at a time are on the disk when they are reported durable`, async () => {
      const base = temporaryDirectory('sync')
      const { store, image } = mountDisk(base, 64 * MIB, 128 * MIB)
      const send = await openTestStore(store)
      const names = Array.from({ length: count }, (_, index) => `d${index % 7}/file-${index}`)
      const outcomes = await Promise.all(
        names.map((name, index) => send(name, buildContent(index, index * 10))),
      )
      const recovered = mountAfterPowerFailure(base, image)
      expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['durable']))
      names.forEach((name, index) => {
        const file = path.join(recovered, 'pc/data', name)
        expect(fs.readFileSync(file)).toEqual(buildContent(index, index * 10))
        expect(fs.statSync(file)).toMatchObject({ mtimeMs: 1_600_000_000_500, mode: 0o100600 })
      })
    })
  }

  test('a disk that is too small holds every small file that was reported durable', async () => {
    const base = temporaryDirectory('sync')
    const { store, image } = mountDisk(base, 512 * MIB, 48 * MIB)
    const send = await openTestStore(store)
    const sendSome = (from: number, to: number) =>
      Promise.all(
        Array.from({ length: to - from }, (_, index) =>
          send(`file-${from + index}`, buildContent(from + index, 250_000)),
        ),
      )
    const answers = [...(await sendSome(0, 40)), ...(await sendSome(40, 300))]
    const recovered = mountAfterPowerFailure(base, image)
    const refusals = new Set<string>()
    for (const [index, { status, detail }] of answers.entries()) {
      if (status !== 'durable') refusals.add(`${index < 40 ? 'there was room' : status} ${detail}`)
      else {
        const stored = fs.readFileSync(path.join(recovered, 'pc/data', `file-${index}`))
        expect(stored.equals(buildContent(index, 250_000))).toBe(true)
      }
    }
    expect(refusals).not.toEqual(new Set())
    for (const refusal of refusals) expect(refusal).toMatch(/^(failed EIO|full ENOSPC|readOnly EROFS)$/)
  })
})
