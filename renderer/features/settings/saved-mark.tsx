import { useEffect, useState } from 'react'
import { IconCheck } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'

const staysMs = 3000

/** Shows "Saved" for some seconds after saving. `at`: milliseconds since 1970; 0 for never. */
export function SavedMark({ at }: { at: number }) {
  const { t } = useWords()
  const [shown, setShown] = useState(false)
  useEffect(() => {
    setShown(at !== 0)
    if (at === 0) return
    const timer = setTimeout(() => setShown(false), staysMs)
    return () => clearTimeout(timer)
  }, [at])
  return (
    <span className="saved" role="status">
      {shown && (
        <>
          <IconCheck size={13} aria-hidden="true" /> {t('window.settings.saved')}
        </>
      )}
    </span>
  )
}
