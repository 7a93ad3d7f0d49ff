# Starts the upgrade of a repository that is out of date, and reports how it is. Does not wait for its end.
# Arguments: id (of the repository), start (whether to start an upgrade if none is running). Prints outdated, active
# (whether an upgrade is running), session (its status in the words of the server) and started; or away, the
# message, while the service of the server cannot be reached.
# Which sessions the server lists after their end is not documented.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$Ended = 'up to date|success|complete|finish|fail|error|stop|cancel'

function Get-Repository {
    $found = @(Get-VBORepository | Where-Object { "$($_.Id)" -eq "$($Arguments.id)" })
    if ($found.Count -eq 0) {
        throw "The server has no repository with the id $($Arguments.id)."
    }
    return $found[0]
}

function Get-Status($Repository) {
    $sessions = @(Get-VBORepositoryUpgradeSession -Repository $Repository |
            Where-Object { $null -ne $_ -and "$($_.RepositoryId)" -eq "$($Repository.Id)" })
    $running = @($sessions | Where-Object { "$($_.Status)" -notmatch $Ended })
    if ($running.Count -gt 0) {
        return @{ active = $true; session = "$($running[0].Status)" }
    }
    if ($sessions.Count -gt 0) {
        return @{ active = $false; session = "$($sessions[-1].Status)" }
    }
    return @{ active = $false; session = $null }
}

$module = Join-Path $env:ProgramFiles 'Veeam/Backup365/Veeam.Archiver.PowerShell/Veeam.Archiver.PowerShell.psd1'
if (-not (Test-Path -LiteralPath $module)) {
    $module = 'Veeam.Archiver.PowerShell'
}
Import-Module $module
$document = $null
try {
    Connect-VBOServer
} catch {
    $document = @{ away = $_.Exception.Message }
}
if ($null -eq $document) {
    try {
        $repository = Get-Repository
        $document = Get-Status $repository
        $document.outdated = [bool]$repository.IsOutdated
        $document.started = $false
        if ($document.outdated -and -not $document.active -and $Arguments.start) {
            Start-VBORepositoryUpgradeSession -Repository $repository | Out-Null
            $repository = Get-Repository
            $document = Get-Status $repository
            $document.outdated = [bool]$repository.IsOutdated
            $document.started = $true
        }
    } finally {
        Disconnect-VBOServer
    }
}
[Console]::Out.WriteLine(($document | ConvertTo-Json -Compress))
