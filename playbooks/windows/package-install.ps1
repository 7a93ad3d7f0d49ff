# Installs the proxy service from the package that upload.ps1 uploaded. Rolls back to the previous package if the
# service does not start or has another version. Everything runs on the host: a lost connection interrupts nothing.
# Arguments: sha256, version (the build to install), fresh (true if the host is expected to have no proxy service),
# wait (timeout in seconds for the service to start), properties (of the installer, by name).
# Output and state files (attempt, current, unregistered) are those of linux/package-install.sh.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$ServiceName = 'Veeam.Archiver.Proxy'
$SteadySeconds = 3
# Exit codes of Windows Installer: success, success with a restart required or initiated; and the one for another
# installation in progress, which changes nothing.
$Done = @(0, 3010, 1641)
$Restart = @(3010, 1641)
$store = Join-Path (Join-Path $env:ProgramData 'vbo-reconcile') 'packages'
$package = Join-Path $store "$($Arguments.sha256).msi"
$attempt = Join-Path $store 'attempt'
$current = Join-Path $store 'current'
$unregistered = Join-Path $store 'unregistered'
$log = Join-Path $store 'installer.log'

function Get-ProxyService {
    return Get-CimInstance -ClassName Win32_Service -Filter "Name='$ServiceName'" | Select-Object -First 1
}

# The version of the program of the service; empty without a service.
function Get-ProxyVersion {
    $service = Get-ProxyService
    if ($null -eq $service -or "$($service.PathName)" -notmatch '^\s*"?(?<program>[^"]+?\.exe)') {
        return ''
    }
    $file = Get-Item -LiteralPath $Matches.program -ErrorAction SilentlyContinue
    if ($null -eq $file) {
        return ''
    }
    return "$($file.VersionInfo.FileVersion)"
}

function Test-Running {
    $service = Get-ProxyService
    return $null -ne $service -and "$($service.State)" -eq 'Running'
}

function Invoke-Installer([string]$Verb, [string]$Path, [string]$Properties) {
    $words = "$Verb `"$Path`" /qn /norestart /L*v `"$log`" $Properties"
    $process = Start-Process -FilePath 'msiexec.exe' -ArgumentList $words.Trim() -Wait -PassThru
    return [int]$process.ExitCode
}

function Get-Properties {
    $words = @()
    foreach ($property in @($Arguments.properties.PSObject.Properties)) {
        $words += "$($property.Name)=`"$($property.Value)`""
    }
    return $words -join ' '
}

# Starts the service and waits until it has run for a while: one that exits immediately runs for a moment too.
function Start-Proxy {
    try {
        Set-Service -Name $ServiceName -StartupType Automatic
        if (-not (Test-Running)) {
            Start-Service -Name $ServiceName
        }
    } catch {
        return $false
    }
    $steady = 0
    for ($second = 0; $second -lt $Arguments.wait -and $steady -le $SteadySeconds; $second++) {
        $steady = $(if (Test-Running) { $steady + 1 } else { 0 })
        if ($steady -le $SteadySeconds) {
            Start-Sleep -Seconds 1
        }
    }
    return $steady -gt $SteadySeconds
}

function Get-Tail([string]$Path, [int]$Count) {
    if (-not $Path -or -not (Test-Path -LiteralPath $Path)) {
        return
    }
    Get-Content -LiteralPath $Path -Tail $Count | Where-Object { "$_".Trim() } | ForEach-Object { "$_".Trim() }
}

# The last lines of the log of the service, or of the installer if that failed.
function Get-LogLines([bool]$OfInstaller) {
    if ($OfInstaller) {
        return @(Get-Tail $log 12)
    }
    $folder = Join-Path (Join-Path (Join-Path $env:ProgramData 'Veeam') 'Backup365') 'Logs'
    if (-not (Test-Path -LiteralPath $folder)) {
        return @()
    }
    $newest = Get-ChildItem -LiteralPath $folder | Where-Object { $_.Name -like 'Veeam.Archiver.Proxy_*.log' } |
        Sort-Object -Property LastWriteTimeUtc | Select-Object -Last 1
    if ($null -eq $newest) {
        return @()
    }
    return @(Get-Tail $newest.FullName 12)
}

# The version before this installation, and its package if it is here: of this run, or of an interrupted one.
function Get-Before {
    if ((Test-Path -LiteralPath $attempt) -and (Get-Content -LiteralPath $attempt)) {
        return [IO.File]::ReadAllText($attempt) | ConvertFrom-Json
    }
    $before = @{ version = (Get-ProxyVersion); file = '' }
    if ($before.version -eq $Arguments.version) {
        $before.file = $package
    } elseif ($before.version -and (Test-Path -LiteralPath $current)) {
        $kept = [IO.File]::ReadAllText($current) | ConvertFrom-Json
        $file = Join-Path $store $kept.file
        if ($kept.version -eq $before.version -and (Test-Path -LiteralPath $file)) {
            $before.file = $file
        }
    }
    return New-Object PSObject -Property $before
}

function Restore-Before($Before, [int]$Code) {
    $result = @{ restored = $false; state = 'stopped'; back = '' }
    $have = Get-ProxyVersion
    if ($Done -notcontains $Code -and $have -eq $Before.version -and (-not $have -or (Test-Running))) {
        $result.restored = $true
        $result.state = $(if ($have) { 'running' } else { 'missing' })
        $result.back = $(if ($have) { "$have is on the host as before and runs" }
            else { 'nothing is on the host, as before' })
        return $result
    }
    $removed = Invoke-Installer '/x' $package ''
    if ($Before.file) {
        $code = Invoke-Installer '/i' $Before.file (Get-Properties)
        if ((Get-ProxyVersion) -eq $Before.version -and (Start-Proxy)) {
            $result.restored = $true
            $result.state = 'running'
            $result.back = "$($Before.version) was put back and runs"
        } else {
            $result.back = "$($Before.version) could not be put back: the installer ended with $code"
        }
    } elseif ($null -eq (Get-ProxyService)) {
        $result.restored = $true
        $result.state = 'missing'
        $result.back = 'the package was removed, since there was none before'
        if ($Before.version) {
            $result.back = "the package was removed: $($Before.version) was there before, and its package is not on " +
                'the host'
        }
    } else {
        $result.back = "the package could not be removed: the installer ended with $removed"
    }
    return $result
}

if (-not (Test-Path -LiteralPath $package)) {
    throw 'The package is not on the host: it was not sent.'
}
if ((Get-FileHash -LiteralPath $package -Algorithm SHA256).Hash.ToLower() -ne $Arguments.sha256) {
    throw 'The package on the host is not the one that was declared.'
}
$before = Get-Before
$ours = (Test-Path -LiteralPath $unregistered) -or (Test-Path -LiteralPath $attempt)
if ($Arguments.fresh -and -not $ours -and $null -ne (Get-ProxyService)) {
    throw 'Another installation added a proxy service to the host after the plan was made.'
}
if ($before.version -and [Version]$before.version -gt [Version]$Arguments.version) {
    throw "$($before.version) is installed and newer than $($Arguments.version): downgrades are not supported."
}

[IO.File]::WriteAllText($attempt, ($before | ConvertTo-Json -Compress))
if ($Arguments.fresh -and -not $before.version) {
    [IO.File]::WriteAllText($unregistered, '')
}
$problem = ''
$code = Invoke-Installer '/i' $package (Get-Properties)
if ($Done -notcontains $code) {
    $problem = "the package was not installed: the installer ended with $code"
} elseif (-not (Start-Proxy)) {
    $problem = "the service of $($Arguments.version) does not start"
} elseif ((Get-ProxyVersion) -ne $Arguments.version) {
    $problem = "the host says that it has $(Get-ProxyVersion)"
    if ($Restart -contains $code) {
        $problem = "$problem, and Windows wants a restart before it has another"
    }
}
$answer = @{ ok = $true; version = $Arguments.version; before = $before.version; restart = ($Restart -contains $code) }
if ($problem) {
    $lines = @(Get-LogLines ($Done -notcontains $code))
    $answer = Restore-Before $before $code
    $answer.ok = $false
    $answer.problem = $problem
    $answer.log = $lines
    if ($answer.state -eq 'missing') {
        Remove-Item -LiteralPath $unregistered -Force -ErrorAction SilentlyContinue
    }
} else {
    $kept = @{ version = $Arguments.version; file = "$($Arguments.sha256).msi" }
    [IO.File]::WriteAllText($current, ($kept | ConvertTo-Json -Compress))
    Get-ChildItem -LiteralPath $store | Where-Object { $_.Name -like '*.msi' -and $_.Name -ne $kept.file } |
        ForEach-Object { Remove-Item -LiteralPath $_.FullName -Force }
}
if ($answer.ok -or $answer.restored) {
    Remove-Item -LiteralPath $attempt -Force -ErrorAction SilentlyContinue
}
[Console]::Out.WriteLine(($answer | ConvertTo-Json -Compress))
