import type { Session } from '../../../core/backends/destination.ts'

/** A connection whose receiver says at once that small files are durable, and takes no large ones, but for `parts`. */
export const fakeSession = (parts: Partial<Session> = {}): Session => ({
  asksFirst: false,
  copies: 'any',
  limits: { files: 100, bytes: 256 * 1024 },
  async sendSmall(files, _directories, { onUsed, onResult }) {
    onUsed()
    for (const index of files.keys()) onResult(index, { kind: 'stored', position: 1 })
  },
  begin: async () => null,
  copy: async () => null,
  prove: async () => ({ kind: 'unavailable' }),
  closed: false,
  ...parts,
})
