import type { AppState } from '../../../core/agent/state/schema.ts'
import { useWords } from '../../words/context.tsx'

/** Shows where secrets are stored if there is no keyring. */
export function StorageNote({ storage }: { storage: AppState['secretStorage'] }) {
  const { t } = useWords()
  if (storage === 'keyring') return null
  return storage === 'weak' ? (
    <p className="card-problem warn">{t('window.channel.storage.weak')}</p>
  ) : (
    <p className="dimmed setting-hint">{t('window.channel.storage.file')}</p>
  )
}
