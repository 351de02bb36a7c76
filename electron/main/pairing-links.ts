import { parsePairingCode } from '../../core/wire/pairing-code.ts'

/** Anybody may write a link: what is no pairing code goes no further. */
export function isPairingCode(link: string): boolean {
  try {
    return link.length <= 2_000 && parsePairingCode(link) !== null
  } catch {
    return false
  }
}
