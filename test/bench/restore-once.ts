// One restore from a receiver, in a process of its own, as the product has one.
import { readFileSync } from 'node:fs'
import { openReceiverLibrary } from '../../core/backends/receiver/receiver-library.ts'
import { loadIdentity } from '../../core/protocol/identity.ts'
import { restoreFrom } from '../../core/restore/restore.ts'
import type { ReceiverDestination } from '../../core/settings/destination-schema.ts'

export interface RestoreOrder {
  destination: ReceiverDestination
  identityDirectory: string
  folder: string
  to: string
}

export interface Restored {
  seconds: number
  files: number
  peakMiB: number
}

process.once('message', async (order) => {
  const { destination, identityDirectory, folder, to } = order as RestoreOrder
  const { signal } = new AbortController()
  const startedAt = performance.now()
  const library = await openReceiverLibrary(
    destination,
    await loadIdentity(identityDirectory),
    'bench',
    signal,
  )
  const choice = { folder, path: null, version: null, at: null }
  const host = { event: async () => undefined, progress: () => undefined }
  const summary = await restoreFrom(library, [{ choice, destination: to, conflict: 'leave' }], host, signal)
  const seconds = (performance.now() - startedAt) / 1000
  library.close()
  // Not resourceUsage: what that tells begins with the process that has forked this one.
  const [, kib = '0'] = /VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  const peakMiB = Number(kib) / 1024
  const restored: Restored = { seconds, files: summary.restored, peakMiB }
  process.send?.(restored, () => process.disconnect())
})
