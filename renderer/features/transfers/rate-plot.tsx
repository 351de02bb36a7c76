import { STEPS, useRates } from '../../state/rates.ts'
import { withKeys } from '../../ui/with-keys.ts'
import { useWords } from '../../words/context.tsx'

const height = 36
const width = 6

/** Plots the rate of the last five minutes; renders nothing if nothing was sent. */
export function RatePlot() {
  const { t, format } = useWords()
  const rates = useRates()
  const most = rates.reduce<number>((top, rate) => Math.max(top, rate ?? 0), 0)
  if (most === 0) return null
  const words = t('window.rates', { most: format.rate(most) })
  return (
    <figure className="rates">
      <svg
        viewBox={`0 0 ${STEPS * width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={words}
      >
        {withKeys(rates, () => 'bar').map(({ key, item: rate }, index) => (
          <rect
            key={key}
            x={index * width}
            y={height - (height * (rate ?? 0)) / most}
            width={width - 1}
            height={(height * (rate ?? 0)) / most}
          />
        ))}
      </svg>
      <figcaption className="dimmed">{words}</figcaption>
    </figure>
  )
}
