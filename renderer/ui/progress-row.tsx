import type { Transfer } from '../state/types.ts'
import { useWords } from '../words/context.tsx'
import { PathText } from './path-text.tsx'

interface ProgressRowProps {
  transfer: Transfer
  aside?: string
  /** The destination's name, if there are several. */
  to?: string | null
}

/** Returns the fraction of a file that is sent, from 0 to 1. */
export const getSentFraction = ({ size, sentBytes }: Transfer): number =>
  size === 0 ? 1 : Math.min(1, sentBytes / size)

/** Shows a file in transfer: its name, its progress, and a bar. */
export function ProgressRow({ transfer, aside, to = null }: ProgressRowProps) {
  const { format, t } = useWords()
  const fraction = getSentFraction(transfer)
  return (
    <div className="progress-row">
      <div className="progress-words">
        <PathText path={transfer.path} />
        <span className="figures">
          {to !== null && `${t('window.destination.arrow', { name: to })} · `}
          {aside === undefined ? '' : `${aside} · `}
          {format.percent(fraction)}
        </span>
      </div>
      <ProgressBar transfer={transfer} className="bar" />
    </div>
  )
}

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
