import { Button } from '@mantine/core'
import { Fragment, lazy, Suspense, useState } from 'react'
import { IconBook, IconDownload } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { useOwnShortcuts } from '../frame/use-shortcuts.ts'
import { Setting } from '../settings/found.tsx'
import { useSaveDiagnostics } from './use-save-diagnostics.ts'

const GuideDialog = lazy(() => import('./guide-dialog.tsx'))

/** Shows the guide, the keys, the version, and how to report a problem. */
export function HelpContent({ version }: { version: string }) {
  const { t } = useWords()
  const save = useSaveDiagnostics()
  const [isOpen, setOpen] = useState(false)
  const [hasGuide, setHasGuide] = useState(false)
  if (isOpen && !hasGuide) setHasGuide(true)
  return (
    <>
      <Setting id="guide">
        <p className="dimmed">{t('window.help.guideHint')}</p>
        <div>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconBook size={15} />}
            onClick={() => setOpen(true)}
          >
            {t('window.help.guide')}
          </Button>
        </div>
      </Setting>
      <Setting id="shortcuts">
        <h3>{t('window.help.keys')}</h3>
        <Keys />
      </Setting>
      <Setting id="about">
        <h3>{t('window.help.about')}</h3>
        <p className="selectable">{t('window.help.version', { version })}</p>
        <p className="dimmed selectable">{t('window.help.licence')}</p>
      </Setting>
      <Setting id="report">
        <h3>{t('window.help.report')}</h3>
        <p className="dimmed">{t('window.help.reportHint')}</p>
        <div>
          <Button size="xs" variant="default" leftSection={<IconDownload size={15} />} onClick={save}>
            {t('window.diagnostics')}
          </Button>
        </div>
      </Setting>
      <Suspense fallback={null}>
        {hasGuide && <GuideDialog opened={isOpen} onClose={() => setOpen(false)} />}
      </Suspense>
    </>
  )
}

const CONTROL = navigator.userAgent.includes('Mac') ? '⌘' : 'Ctrl'
/** Names of keys, where they differ from those in the table. */
const keyNames: Readonly<Record<string, string>> = { Escape: 'Esc', ',': ',' }

/** Lists the shortcuts, and the keys that other parts handle: zooming, lists. */
function Keys() {
  const { t } = useWords()
  const rows = [
    ...useOwnShortcuts().map(({ ctrl, key, word }) => {
      const name = keyNames[key] ?? (key.length === 1 ? key.toUpperCase() : key)
      return { keys: ctrl ? [CONTROL, name] : [name], word: t(word) }
    }),
    { keys: [CONTROL, '+ − 0'], word: t('window.help.key.zoom') },
    { keys: [t('window.help.key.arrows')], word: t('window.help.key.list') },
  ]
  return (
    <dl className="keys">
      {rows.map(({ keys, word }) => (
        <Fragment key={word}>
          <dt>
            {keys.map((one) => (
              <kbd key={one}>{one}</kbd>
            ))}
          </dt>
          <dd>{word}</dd>
        </Fragment>
      ))}
    </dl>
  )
}
