import { Switch } from '@mantine/core'
import { useBrowserNotifications } from '../../state/browser-notifications.ts'
import { useWords } from '../../words/context.tsx'

/** Shows failures through this browser while the page is open; the choice is the browser's own. */
export function BrowserRow() {
  const { t } = useWords()
  const { isOn, obstacle, turnOn, turnOff } = useBrowserNotifications()
  const name = t('window.channel.browser')
  const example = { title: name, body: t('window.channel.browserExample') }
  return (
    <section className="channel-row" aria-label={name}>
      <div className="spread">
        <span className="channel-name">{name}</span>
        <Switch
          size="sm"
          aria-label={t('window.channel.use', { name })}
          checked={isOn}
          disabled={obstacle !== null}
          onChange={() => (isOn ? turnOff() : void turnOn(example))}
        />
      </div>
      <p className="dimmed">{t('window.channel.browserHint')}</p>
      {obstacle !== null && <p className="card-problem">{t(`window.channel.browser.${obstacle}`)}</p>}
    </section>
  )
}
