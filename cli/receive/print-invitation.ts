import { renderUnicodeCompact } from 'uqr'
import { SHORT_CODE_MINUTES } from '../../core/protocol/limits.ts'
import type { Invitation } from '../../core/receive/pairing/invitation.ts'
import { translate } from '../terminal/terminal-words.ts'

/** Light modules that a reader needs around the code (ISO/IEC 18004: 4). */
const QUIET_ZONE = 4

/** Prints white on black whatever the terminal's colours are: blocks are light modules (SGR, ECMA-48 8.3.117). */
function toWhiteOnBlack(qr: string): string {
  return qr
    .split('\n')
    .map((line) => `\x1b[97;40m${line}\x1b[0m`)
    .join('\n')
}

/** Returns the pairing code as a QR code of half blocks, or a sentence if the terminal is too narrow. */
function renderQr(code: string, columns: number): string {
  const qr = renderUnicodeCompact(code, { ecc: 'L', border: QUIET_ZONE })
  const width = qr.indexOf('\n')
  return width > columns ? translate('transfer.qrNoRoom', { columns: width }) : toWhiteOnBlack(qr)
}

/**
 * Prints only the code on standard output, where a script can read it; other text goes through `say`. The QR code
 * is for people: it is printed on a terminal, or on request.
 */
export function printInvitation(
  { code, short, terms: { minutes, uses } }: Invitation,
  { say, qr }: { say: (text: string) => void; qr: boolean },
): void {
  say(translate('transfer.pairingCode', { minutes, count: uses }))
  console.log(code)
  if (qr) {
    say(translate('transfer.qrHint'))
    say(renderQr(code, process.stdout.columns ?? process.stderr.columns ?? Number.POSITIVE_INFINITY))
  }
  say(translate('transfer.pairingHint', { code }))
  if (short !== null)
    say(translate('cli.pair.short', { code: short, minutes: Math.min(minutes, SHORT_CODE_MINUTES) }))
}
