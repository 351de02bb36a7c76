import { Button, Checkbox, Group, Switch } from '@mantine/core'
import { useState } from 'react'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { Copyable } from '../../ui/copyable.tsx'
import { useWords } from '../../words/context.tsx'
import { type FieldsProps, TextField, useProblemWord } from './fields.tsx'

/** Sets the encryption of contents before they leave this computer. A new private key is shown here once. */
export function EncryptionPart(props: FieldsProps) {
  const { t } = useWords()
  const bridge = useBridge()
  const { tell } = useCommands()
  const { draft, isKnown, onChange } = props
  const [identity, setIdentity] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)

  const makeKey = async () => {
    setBusy(true)
    try {
      const key = await bridge.call('newEncryptionKey', {})
      setIdentity(key.identity)
      onChange({ encrypt: 'newKey', recipient: key.recipient, isKeyKept: false })
    } catch (thrown) {
      tell('refused', sentenceOfThrown(thrown))
    }
    setBusy(false)
  }
  const drop = (encrypt: 'no' | 'ownKey') => {
    setIdentity(null)
    onChange({ encrypt, recipient: '', isKeyKept: false })
  }
  if (isKnown) {
    return (
      <p className="setting-hint dimmed breakable">
        {draft.encrypt === 'no'
          ? t('window.destinations.encrypt.isNot')
          : t('window.destinations.encrypt.is', { recipient: draft.recipient })}
        {draft.hideNames && ` ${t('window.destinations.encrypt.namesAreHidden')}`}
      </p>
    )
  }
  return (
    <div className="encryption">
      <Switch
        label={t('window.destinations.encrypt.label')}
        description={t('window.destinations.encrypt.hint')}
        checked={draft.encrypt !== 'no'}
        disabled={busy}
        onChange={(event) => (event.currentTarget.checked ? void makeKey() : drop('no'))}
        labelPosition="left"
        classNames={{ body: 'switch-body' }}
      />
      {draft.encrypt !== 'no' && (
        <Switch
          label={t('window.destinations.encrypt.hideNames')}
          description={t('window.destinations.encrypt.hideNamesHint')}
          checked={draft.hideNames}
          onChange={(event) => onChange({ hideNames: event.currentTarget.checked })}
          labelPosition="left"
          classNames={{ body: 'switch-body' }}
        />
      )}
      {draft.encrypt === 'newKey' && identity !== null && (
        <>
          <NewKey {...props} identity={identity} />
          <Button size="compact-xs" variant="subtle" onClick={() => drop('ownKey')}>
            {t('window.destinations.encrypt.useOwn')}
          </Button>
        </>
      )}
      {draft.encrypt === 'ownKey' && (
        <>
          <TextField
            {...props}
            field="recipient"
            placeholder="age1…"
            description={t('window.destinations.encrypt.ownHint')}
          />
          <Button size="compact-xs" variant="subtle" disabled={busy} onClick={makeKey}>
            {t('window.destinations.encrypt.useNew')}
          </Button>
        </>
      )}
    </div>
  )
}

/** Shows the new private key once, to be stored elsewhere. */
function NewKey({ draft, problems, onChange, identity }: FieldsProps & { identity: string }) {
  const { t } = useWords()
  const { run } = useCommands()
  const problemWord = useProblemWord()
  const save = () => run('saveKey', { identity })
  return (
    <section className="callout key" aria-label={t('window.destinations.encrypt.keyTitle')}>
      <div className="row-words">
        <h2>{t('window.destinations.encrypt.keyTitle')}</h2>
        <p>{t('window.destinations.encrypt.keyWarning')}</p>
        <Copyable
          text={identity}
          label="window.destinations.encrypt.copy"
          done="window.destinations.encrypt.copied"
        />
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={save}>
            {t('window.destinations.encrypt.save')}
          </Button>
        </Group>
        <Checkbox
          label={t('window.destinations.encrypt.kept')}
          checked={draft.isKeyKept}
          onChange={(event) => onChange({ isKeyKept: event.currentTarget.checked })}
          error={problemWord('isKeyKept', problems) && t('window.destinations.invalid.isKeyKept')}
        />
      </div>
    </section>
  )
}
