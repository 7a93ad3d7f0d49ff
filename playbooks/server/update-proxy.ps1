# Upgrades proxies to the server's version: one call of the cmdlet for each login, whatever the number of proxies.
# Arguments: groups, each with proxies (host names as the server knows them) and one login: username and password of an
# administrator of Windows hosts, or linux (account, password, private_key, passphrase, port, elevate, use_su,
# root_password, fingerprint, public_key); wait, the timeout in seconds for the server to see the new versions. Prints
# one result for each proxy.
# If a call fails, proxies that are still out of date are upgraded one by one: how far the cmdlet gets is not
# documented, and one failed proxy must not stop the others.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Get-Argument($From, [string]$Name) {
    if ($null -eq $From -or -not $From.PSObject.Properties[$Name]) {
        return $null
    }
    return $From.$Name
}

# Without a cmdlet, whose arguments Windows can record.
function ConvertTo-Secure([string]$Text) {
    $secure = New-Object System.Security.SecureString
    foreach ($character in $Text.ToCharArray()) {
        $secure.AppendChar($character)
    }
    return $secure
}

function Get-LinuxCredential($Linux, [string]$KeyFile) {
    $login = @{ Account = $Linux.account }
    $password = Get-Argument $Linux 'password'
    if ($password) {
        $login.Password = ConvertTo-Secure $password
    }
    $key = Get-Argument $Linux 'private_key'
    if ($key) {
        [IO.File]::WriteAllText($KeyFile, $key)
        $login.PrivateKeyFilePath = $KeyFile
        $passphrase = Get-Argument $Linux 'passphrase'
        if ($passphrase) {
            $login.Passphrase = ConvertTo-Secure $passphrase
        }
    }
    $port = Get-Argument $Linux 'port'
    if ($port) {
        $login.SshPort = [int]$port
    }
    if (Get-Argument $Linux 'elevate') {
        $login.ElevateAccountToRoot = $true
    }
    if (Get-Argument $Linux 'use_su') {
        $login.UseSuIfSudoUnavailable = $true
        $login.RootPassword = ConvertTo-Secure $Linux.root_password
    }
    if (Get-Argument $Linux 'fingerprint') {
        $login.Fingerprint = $Linux.fingerprint
    }
    if (Get-Argument $Linux 'public_key') {
        $login.PublicKeyBase64 = $Linux.public_key
    }
    return New-VBOLinuxCredential @login
}

# Up to version 7 the cmdlet has only -Credential; version 8 deprecates it.
function Get-Login($Group, [string]$KeyFile) {
    $login = @{}
    $username = Get-Argument $Group 'username'
    if ($username) {
        $password = ConvertTo-Secure $Group.password
        $credential = New-Object System.Management.Automation.PSCredential $username, $password
        $name = 'Credential'
        if ((Get-Command Update-VBOProxy).Parameters.ContainsKey('WindowsCredential')) {
            $name = 'WindowsCredential'
        }
        $login[$name] = $credential
    }
    $linux = Get-Argument $Group 'linux'
    if ($null -ne $linux) {
        $login.LinuxCredential = Get-LinuxCredential $linux $KeyFile
    }
    return $login
}

# The proxies of these hosts that the server reports as out of date.
function Get-Outdated([string[]]$Names) {
    foreach ($name in $Names) {
        Get-VBOProxy -Hostname $name | Where-Object { $_.IsOutdated }
    }
}

function Wait-Updated([string[]]$Names) {
    $end = (Get-Date).AddSeconds([int](Get-Argument $Arguments 'wait'))
    while ((Get-Date) -lt $end -and @(Get-Outdated $Names).Count -gt 0) {
        Start-Sleep -Seconds 2
    }
}

# Returns the error messages by host.
function Update-Group($Group, [string]$KeyFile) {
    $names = @($Group.proxies)
    $failed = @{}
    try {
        $login = Get-Login $Group $KeyFile
        $behind = @(Get-Outdated $names)
        if ($behind.Count -gt 0) {
            Update-VBOProxy -Proxy $behind @login | Out-Null
            Wait-Updated $names
        }
        return $failed
    } catch {
        foreach ($name in $names) {
            $failed[$name] = $_.Exception.Message
        }
    }
    if ($names.Count -gt 1) {
        foreach ($name in $names) {
            $single = [PSCustomObject]@{
                proxies = @($name); username = (Get-Argument $Group 'username')
                password = (Get-Argument $Group 'password'); linux = (Get-Argument $Group 'linux')
            }
            $failed[$name] = (Update-Group $single $KeyFile)[$name]
        }
    }
    return $failed
}

function Get-Result([string]$Name, [string]$Failure) {
    $result = @{ host = $Name; ok = $false; version = $null; message = $Failure }
    $proxy = Get-VBOProxy -Hostname $Name
    if ($null -eq $proxy) {
        $result.message = 'The server does not know this proxy.'
        return $result
    }
    if ($proxy.PSObject.Properties['Version']) {
        $result.version = "$($proxy.Version)"
    }
    $result.ok = -not $proxy.IsOutdated
    if ($result.ok) {
        $result.message = ''
    } elseif (-not $Failure) {
        $result.message = 'The proxy is still out of date.'
    }
    return $result
}

$module = Join-Path $env:ProgramFiles 'Veeam/Backup365/Veeam.Archiver.PowerShell/Veeam.Archiver.PowerShell.psd1'
if (-not (Test-Path -LiteralPath $module)) {
    $module = 'Veeam.Archiver.PowerShell'
}
Import-Module $module
$folder = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
Connect-VBOServer
try {
    $null = New-Item -ItemType Directory -Path $folder
    $results = @(foreach ($group in @($Arguments.groups)) {
            $failed = Update-Group $group (Join-Path $folder 'key')
            foreach ($name in @($group.proxies)) { Get-Result $name $failed[$name] }
        })
} finally {
    Remove-Item -LiteralPath $folder -Recurse -Force -ErrorAction SilentlyContinue
    Disconnect-VBOServer
}
[Console]::Out.WriteLine((@{ results = $results } | ConvertTo-Json -Compress -Depth 4))
