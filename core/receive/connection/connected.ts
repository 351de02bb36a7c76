import type { Sender, Senders } from '../senders/senders.ts'
import type { Window } from './answers.ts'

/** What all senders together get of this process's memory: each half of what is left, within limits. */
const MEMORY_BYTES = 256 * 1024 * 1024
const WINDOW_BYTES = { least: 2 * 1024 * 1024, most: 16 * 1024 * 1024 }
const WINDOW_FILES = 8192
const CONNECTIONS_PER_SENDER = 8

export interface Place {
  window: Window
  leave(): void
}

/** The connections that are let in, by sender. */
export interface Connected {
  /** null: this sender has too many. `drop` ends the connection of a sender that may no longer send. */
  enter(sender: Sender, drop: (sender: Sender) => void): Place | null
  /** Ends the connections of all that are not accepted any more. */
  dropRefused(senders: Senders): void
  /** Folders of the senders that are connected: a folder is what a sender keeps for ever. */
  folders(): ReadonlySet<string>
  readonly count: number
}

export function createConnected(): Connected {
  const places = new Map<Place, { sender: Sender; drop: (sender: Sender) => void }>()
  const entries = () => [...places.values()]

  return {
    enter(sender, drop) {
      const mine = entries().filter((one) => one.sender.folder === sender.folder)
      if (mine.length >= CONNECTIONS_PER_SENDER) return null
      const given = [...places.keys()].reduce((sum, { window }) => sum + window.bytes, 0)
      const part = Math.floor((MEMORY_BYTES - given) / 2)
      const bytes = Math.max(WINDOW_BYTES.least, Math.min(WINDOW_BYTES.most, part))
      const place: Place = {
        window: { bytes, files: WINDOW_FILES },
        leave: () => void places.delete(place),
      }
      places.set(place, { sender, drop })
      return place
    },
    dropRefused(senders) {
      for (const { sender, drop } of entries()) {
        // By its folder, which stays: its certificate may have been renewed meanwhile.
        const now = senders.list().find(({ folder }) => folder === sender.folder) ?? sender
        if (senders.accepted(now.fingerprint) === null) drop(now)
      }
    },
    folders: () => new Set(entries().map(({ sender }) => sender.folder)),
    get count() {
      return places.size
    },
  }
}
