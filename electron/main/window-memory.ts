import { readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { openKeptFile } from '../../core/files/kept-file.ts'

const memorySchema = z.object({ bounds: z.unknown() })

/** Where the window was when it was last seen. */
export interface WindowMemory {
  /** As the file has it; undefined: nothing is remembered, or it cannot be read. */
  bounds(): unknown
  /** Does not wait for the disk. */
  remember(bounds: { x: number; y: number; width: number; height: number }): void
  /** Resolves when the last of it is written, or could not be. */
  saved(): Promise<void>
}

/** A file that cannot be read or written only costs the window its place. */
export function openWindowMemory(directory: string): WindowMemory {
  const file = path.join(directory, 'window.json')
  const kept = openKeptFile(file)
  return {
    bounds: () => {
      try {
        return memorySchema.parse(JSON.parse(readFileSync(file, 'utf8'))).bounds
      } catch {
        return undefined
      }
    },
    remember: (bounds) => kept.save(JSON.stringify({ bounds })),
    saved: kept.saved,
  }
}
