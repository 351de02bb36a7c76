import { NATIVE } from '../../../core/alerts/channels/catalog.ts'
import { useNow } from '../../state/now.ts'
import { useWords } from '../../words/context.tsx'
import { HealthMark } from '../overview/health-line.tsx'
import { type Delivery, deliveryMarks, findWhyNone, groupDeliveries } from './deliveries.ts'
import type { Incident } from './incidents.ts'

/** Lists which channels delivered the notifications of an incident and when, or why not. */
export function DeliveryList({
  incident,
  deliveries,
}: {
  incident: Incident
  deliveries: readonly Delivery[]
}) {
  const { t } = useWords()
  if (deliveries.length === 0) return <p className="dimmed">{t(findWhyNone(incident))}</p>
  return (
    <ul className="told-list" aria-label={t('window.delivery.title')}>
      {groupDeliveries(deliveries).map(({ notice, what, deliveries: each }) => (
        <li key={notice}>
          <p className="setting-label">{t(`window.told.${what}`)}</p>
          <ul>
            {each.map((delivery) => (
              <DeliveryLine key={delivery.channel} delivery={delivery} />
            ))}
          </ul>
        </li>
      ))}
    </ul>
  )
}

function DeliveryLine({ delivery }: { delivery: Delivery }) {
  const { t, say, format } = useWords()
  const now = useNow()
  const { state, channel, channelName, at, decidedAt, attempts, reason } = delivery
  const { level, word } = deliveryMarks[state]
  const name = channel === NATIVE ? t('setting.notifications') : channelName
  const time = format.exactMoment(decidedAt ?? at, now)
  return (
    <li className="delivery" data-level={level} title={format.fullMoment(decidedAt ?? at)}>
      <HealthMark level={level} />
      <span className="breakable">
        {t('window.delivery.line', { channel: name, what: t(word, { time }) })}
        {attempts > 1 && ` · ${t('window.files.attempts', { count: attempts })}`}
        {reason !== null && <span className="dimmed selectable"> {say(reason)}</span>}
      </span>
    </li>
  )
}
