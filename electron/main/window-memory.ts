import { readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { openKeptFile } from '../../core/files/kept-file.ts'

const memorySchema = z.object({ bounds: z.unknown(), closeHinted: z.boolean().default(false) })
type Remembered = z.infer<typeof memorySchema>

/** Where the window was when it was last seen. */
export interface WindowMemory {
  /** As the file has it; undefined: nothing is remembered, or it cannot be read. */
  bounds(): unknown
  /** Does not wait for the disk. */
  remember(bounds: { x: number; y: number; width: number; height: number }): void
  /** Whether the person was told once that closing the window ends nothing. */
  closeHinted(): boolean
  rememberCloseHint(): void
  /** Resolves when the last of it is written, or could not be. */
  saved(): Promise<void>
}

/** A file that cannot be read or written only costs the window its place. */
export function openWindowMemory(directory: string): WindowMemory {
  const file = path.join(directory, 'window.json')
  const kept = openKeptFile(file)
  let now = read(file)
  const change = (changes: Partial<Remembered>) => {
    now = { ...now, ...changes }
    kept.save(JSON.stringify(now))
  }
  return {
    bounds: () => now.bounds,
    remember: (bounds) => change({ bounds }),
    closeHinted: () => now.closeHinted,
    rememberCloseHint: () => change({ closeHinted: true }),
    saved: kept.saved,
  }
}

function read(file: string): Remembered {
  try {
    return memorySchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return { bounds: undefined, closeHinted: false }
  }
}
