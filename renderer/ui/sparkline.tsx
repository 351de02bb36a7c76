const width = 62
const height = 16
const slots = 30

/**
 * The last delays of a path as small bars, oldest at the left; a check that failed is a cross bar over the
 * full height. Hidden from screen readers: the delay stands beside it in words.
 */
export function Sparkline({ delays }: { delays: readonly (number | null)[] }) {
  const shown = delays.slice(-slots)
  const known = shown.filter((delay) => delay !== null)
  // Below 5 ms nobody needs to see a difference: the noise of an idle disk must not look like mountains.
  const top = Math.max(5, ...known)
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
        const bar = delay === null ? height : Math.max(1.5, (delay / top) * height)
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
}
