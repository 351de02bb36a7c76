import type { StatusLevel } from '../../core/agent/state/schema.ts'

/** The shape of each level, as colour must not be the only sign. Drawn on 24 × 24. */
const shapes: Record<StatusLevel, React.ReactNode> = {
  failing: (
    <>
      <path d="M8.1 2.5h7.8l5.6 5.6v7.8l-5.6 5.6H8.1l-5.6-5.6V8.1z" fill="currentColor" stroke="none" />
      <path d="M7.5 12h9" stroke="var(--status-ground)" strokeWidth="2.6" />
    </>
  ),
  attention: (
    <>
      <path d="M12 3.6 21.6 20H2.4z" fill="currentColor" strokeWidth="2" />
      <path d="M12 9.6v4.6M12 17.2v.1" stroke="var(--status-ground)" strokeWidth="2.2" />
    </>
  ),
  paused: (
    <>
      <rect x="5" y="4" width="5" height="16" rx="1.4" fill="currentColor" stroke="none" />
      <rect x="14" y="4" width="5" height="16" rx="1.4" fill="currentColor" stroke="none" />
    </>
  ),
  working: (
    <>
      <circle cx="12" cy="12" r="9.4" />
      <path d="M12 17V7.4M7.8 11.4 12 7.2l4.2 4.2" />
    </>
  ),
  // A ring with a gap at the bottom: the last piece is missing.
  partial: <path d="M4.39 15.55a8.4 8.4 0 1 1 15.22 0" strokeWidth="4" strokeLinecap="butt" />,
  ok: <circle cx="12" cy="12" r="8.4" strokeWidth="4" />,
  starting: <circle cx="12" cy="12" r="8.4" strokeWidth="3.2" strokeDasharray="0.1 6.5" />,
}

/** Draws the status shape, hidden from screen readers: the sentence beside it is read out. */
export function StatusIcon({ level, size = 24 }: { level: StatusLevel; size?: number }) {
  return (
    <svg
      className="status-icon"
      data-level={level}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.2"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {shapes[level]}
    </svg>
  )
}
