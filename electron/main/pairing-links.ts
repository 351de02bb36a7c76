import { parsePairingCode } from '../../core/wire/pairing-code.ts'

/** Anybody may write a link: what is no pairing code goes no further. */
function isPairingCode(link: string): boolean {
  try {
    return link.length <= 2_000 && parsePairingCode(link) !== null
  } catch {
    return false
  }
}

export interface PairingLinks {
  /** Has the window show its form with this code; what becomes of it a person decides there. */
  show(link: string): void
  /** The page is there to be told. */
  pageListens(): void
}

/** Keeps the last link until the page can be told of it. */
export function createPairingLinks(tell: (link: string) => void): PairingLinks {
  let isListening = false
  let waiting: string | null = null
  return {
    show: (link) => {
      if (!isPairingCode(link)) return
      if (isListening) tell(link)
      else waiting = link
    },
    pageListens: () => {
      isListening = true
      if (waiting !== null) tell(waiting)
      waiting = null
    },
  }
}
