import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ensurePackages } from '../../build/setup/system.mjs'
import { type SftpServer, startSftpServer } from '../support/servers/sftp.ts'
import { copyBySsh } from './peers-ssh.ts'
import { sendWithSyncthing } from './peers-syncthing.ts'
import { median, type Row } from './row.ts'
import { bundleEnds, sendWithHoldfast } from './transfer-ends.ts'
import { startRsyncDaemon } from './transfer-rsync.ts'
import { freeSpace, type Load, settle, writeLoad } from './write-load.ts'

const LOADS: readonly Load[] = [
  { name: '5,000 × 4 KiB', files: 5_000, bytes: 4096, runs: 5 },
  { name: '900 × 600 KiB', files: 900, bytes: 600 * 1024, runs: 5 },
  { name: '2 × 1 GiB', files: 2, bytes: 1024 ** 3, runs: 5 },
]
const BEFORE: Load = { name: '2,000 × 4 KiB', files: 2_000, bytes: 4096, runs: 1 }

/** A program that copies a directory into another one on this computer; returns the seconds that it took. */
interface Peer {
  name: string
  copy(source: string, into: string): Promise<number>
}

/**
 * Sending to durable, against programs that people use for it, all on this computer and with their best options. They
 * take turns; the medians are compared.
 */
export async function run(): Promise<Row[]> {
  await ensurePackages(['rsync', 'rclone', 'syncthing', 'openssh-server'], 'the benchmark of other programs')
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const ends = path.join(directory, 'ends')
  const before = path.join(directory, 'before')
  const ssh = await startSftpServer(null)
  try {
    await bundleEnds(ends)
    writeLoad(BEFORE, before)
    const holdfast = async (source: string, into: string) =>
      (await sendWithHoldfast({ source, before, ends, directory: into })).seconds
    const all = [{ name: 'Holdfast', copy: holdfast }, ...listPeers(ssh)]
    const rows: Row[] = []
    for (const load of LOADS) {
      const source = path.join(directory, load.name)
      writeLoad(load, source)
      rows.push(...(await compare(load, source, directory, all)))
      freeSpace(source)
    }
    return rows
  } finally {
    await ssh.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

function listPeers(ssh: SftpServer): Peer[] {
  const rsync = (flags: string[]) => async (source: string, into: string) => {
    const daemon = await startRsyncDaemon(into)
    try {
      return daemon.send(source, 'copy', flags)
    } finally {
      daemon.stop()
    }
  }
  return [
    { name: 'rsync --fsync, a daemon', copy: rsync(['--fsync']) },
    { name: 'rsync, a daemon, not durable', copy: rsync([]) },
    ...copyBySsh(ssh),
    { name: 'Syncthing', copy: sendWithSyncthing },
  ]
}

/** Returns a row for each peer: the time of Holdfast, which is the first of `all`, against it. */
async function compare(
  { name, runs }: Load,
  source: string,
  directory: string,
  all: readonly Peer[],
): Promise<Row[]> {
  const times = all.map((): number[] => [])
  for (let run = 0; run < runs; run += 1)
    for (const [index, peer] of all.entries()) {
      const into = mkdtempSync(path.join(directory, 'into-'))
      settle()
      times[index]?.push(await peer.copy(source, into))
      freeSpace(into)
    }
  const [ours = [], ...theirs] = times
  return theirs.map((seconds, index) => ({
    metric: name,
    value: median(ours),
    range: [Math.min(...ours), Math.max(...ours)],
    unit: 's',
    reference: {
      name: all[index + 1]?.name ?? '',
      value: median(seconds),
      range: [Math.min(...seconds), Math.max(...seconds)],
    },
    target: null,
  }))
}
