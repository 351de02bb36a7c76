import type { Transfer } from '../state/types.ts'
import { useWords } from '../words/context.tsx'

/** Returns the fraction of a file that is sent, from 0 to 1. */
export const getSentFraction = ({ size, sentBytes }: Transfer): number =>
  size === 0 ? 1 : Math.min(1, sentBytes / size)

/** Shows the sent fraction of a file as a bar. */
export function ProgressBar({ transfer, className }: { transfer: Transfer; className: string }) {
  const { t } = useWords()
  const fraction = getSentFraction(transfer)
  return (
    <div
      className={className}
      role="progressbar"
      aria-label={t('window.transfers.progressOf', { path: transfer.path })}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(fraction * 100)}
    >
      <div style={{ transform: `scaleX(${fraction})` }} />
    </div>
  )
}
