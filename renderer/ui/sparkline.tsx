import { memo } from 'react'

const width = 62
const height = 16
const slots = 30
/** Milliseconds at the full height, at least: the noise of an idle disk must not look like mountains. */
const leastTop = 2
/** Pixels; only a check that failed has the full height. */
const lowest = 3
const highest = 14

/**
 * The last delays of a path as small bars, oldest at the left; a check that failed is a cross bar over the
 * full height. Hidden from screen readers: the delay stands beside it in words.
 */
export const Sparkline = memo(function Sparkline({ delays }: { delays: readonly (number | null)[] }) {
  const shown = delays.slice(-slots)
  const known = shown.filter((delay) => delay !== null)
  // The usual delay is half as high as there is room: one that was long does not flatten all the others.
  const top = Math.max(leastTop, 2 * (known.toSorted((a, b) => a - b)[Math.floor(known.length / 2)] ?? 0))
  const step = width / slots
  return (
    <svg
      className="sparkline"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      aria-hidden="true"
    >
      {shown.map((delay, index) => {
        const x = index * step
        const bar = delay === null ? height : Math.min(highest, Math.max(lowest, (delay / top) * height))
        return (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: the place is what identifies a bar.
            key={index}
            data-failed={delay === null || undefined}
            x={x}
            y={height - bar}
            width={step - 0.6}
            height={bar}
            rx={0.5}
          />
        )
      })}
    </svg>
  )
})
