import { renderUnicodeCompact } from 'uqr'
import { CODE_MINUTES, type Invitation } from '../core/receive/pairing/invitation.ts'
import { translate } from './terminal-words.ts'

/** Light modules around the code that a reader needs (ISO/IEC 18004: 4). */
const QUIET_ZONE = 4

/** Blocks are the light modules: white on black, whatever the terminal's colours are (SGR, ECMA-48 8.3.117). */
function drawn(qr: string): string {
  return qr
    .split('\n')
    .map((line) => `\x1b[97;40m${line}\x1b[0m`)
    .join('\n')
}

/** The pairing code as a QR code of half blocks, or why there is no room for it. */
function qrOf(code: string, columns: number): string {
  const qr = renderUnicodeCompact(code, { ecc: 'L', border: QUIET_ZONE })
  const width = qr.indexOf('\n')
  return width > columns ? translate('transfer.qrNoRoom', { columns: width }) : drawn(qr)
}

/**
 * The code alone goes to standard output, so that a script can take it from there; everything around it goes to
 * `say`. The QR code is for people: on a terminal, or where it was asked for.
 */
export function printInvitation(
  { code }: Invitation,
  { say, qr }: { say: (text: string) => void; qr: boolean },
): void {
  say(translate('transfer.pairingCode', { minutes: CODE_MINUTES }))
  console.log(code)
  if (qr) {
    say(translate('transfer.qrHint'))
    say(qrOf(code, process.stdout.columns ?? process.stderr.columns ?? Number.POSITIVE_INFINITY))
  }
  say(translate('transfer.pairingHint', { code }))
}
