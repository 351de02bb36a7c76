import { STEP_MS, STEPS, useRates } from '../../state/rates.ts'
import { withKeys } from '../../ui/with-keys.ts'
import { useWords } from '../../words/context.tsx'

const height = 36
const width = 6

/** Plots the rate of the last five minutes. */
export function RatePlot() {
  const { t, format } = useWords()
  const rates = useRates()
  const most = rates.reduce<number>((top, rate) => Math.max(top, rate ?? 0), 0)
  const words = t('window.rates', { most: format.rate(most) })
  return (
    <figure className="rates">
      <div className="rates-values" aria-hidden="true">
        <span>{most === 0 ? '' : format.rate(most)}</span>
        <span>0</span>
      </div>
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
            y={height - (height * (rate ?? 0)) / Math.max(1, most)}
            width={width - 1}
            height={(height * (rate ?? 0)) / Math.max(1, most)}
          />
        ))}
      </svg>
      <div className="rates-times" aria-hidden="true">
        <span>{t('window.time.ago', { duration: format.duration(STEPS * STEP_MS) })}</span>
        <span>{t('window.time.nowShort')}</span>
      </div>
    </figure>
  )
}
