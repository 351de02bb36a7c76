import { dropError } from '../../core/dropped-errors.ts'
import { parsePairingCode } from '../../core/protocol/pairing-code.ts'

/** True for a valid pairing code. Any program may open a link: others are ignored. */
export function isPairingCode(link: string): boolean {
  try {
    return link.length <= 2_000 && parsePairingCode(link) !== null
  } catch (error) {
    return dropError(error, 'the link is no pairing code', false)
  }
}
