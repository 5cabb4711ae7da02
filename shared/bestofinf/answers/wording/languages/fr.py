"""French."""

from bestofinf.answers.wording.language import Language

FRENCH = Language(
    code="fr",
    decimal=",",
    elides=True,
    accents=True,
    inverts=True,
    articles="""le la les l' un une des du au aux il elle ils elles on ce c' cela ça cette ces cet celui celle
        ceux son sa ses leur leurs lui eux je j' tu nous vous notre votre nos vos y en se s' qui qu' que
        voici ici là même tel""",
    be="est sont été étant être a ont avoir t suis",
    was="était étaient fut furent avait avaient",
    prepositions="""de d' à dans en sur sous pour par avec sans chez vers entre contre depuis pendant durant
        avant après jusqu' jusque jusqu'à dès près_de près_d' près hors derrière devant parmi selon afin
        autour_de à_côté_de face_à au-dessus au-dessous comme à_partir_de à_cause_de en_raison_de grâce_à
        suite_à loin_de""",
    plain="de d' à dans en sur pour par avec chez depuis pendant durant dès comme",
    percents="pourcentage",
    doubles="ne n'",
    modals="""
        peut peuvent pouvoir pourra pourrait pourraient
        doit doivent devoir devra faut falloir
        devrait devraient
        peut-être probablement
        """,
    fillers="""malheureusement hélas heureusement
        total somme montant nombre chiffre valeur réponse résultat exactement précisément environ
        actuellement aujourd'hui maintenant aussi déjà simplement vraiment certainement bien donc alors
        ainsi suivant suivante suivants égal élève élèvent situe trouve trouvent reste dure durent prend
        prennent compte comptez s'agit agit tout_à_fait entièrement complètement officiellement moyenne
        tout plus_précisément s'élève appelle nomme tard""",
    nouns="""client clients utilisateur utilisateurs personne_ personnes gens entreprise société organisation
        partie article articles membre membres nom affirmation déclaration""",
    tells="dit indique indiqué précise précisé mentionne mentionné montre note noté prévoit prévu donne donné",
    yes="oui effectivement exact exactement certainement absolument correct",
    no="non",
    true="vrai vraie exact exacte correct correcte juste",
    false="faux fausse inexact inexacte incorrect incorrecte",
    negations="pas jamais aucun aucune rien personne ni sans nullement guère non",
    withouts="sans",
    conditions="""seulement uniquement sauf hormis excepté si mais cependant toutefois partiellement en_partie
        parfois certains certaines quelques généralement souvent presque sous_réserve à_condition pourvu
        à_partir_de jusqu'à lorsque quand dès encore pas_encore à_moins selon plupart""",
    guards="""anciennement autrefois auparavant précédemment initialement sauf mais cependant seulement si
        prévu prévoyait avant après jusqu'à jusqu' plus_tard autre autres prochain prochaine dernier
        dernière premier première au_lieu_de refuse refusé refusent évite éviter ex-""",
    comparators="""
        > plus_de plus_d' supérieur_à dépasse
        < moins_de moins_d' inférieur_à
        >= au_moins minimum au_minimum à_partir_de
        <= au_plus maximum au_maximum
        ~ environ exactement précisément autour_de
        # presque près_de
        * tous_les toutes_les chaque
        """,
    per="par / chaque pour_chaque",
    after_amount="le la l'",
    rates="""
        day quotidien quotidiennement
        week hebdomadaire
        month mensuel mensuelle mensuellement
        year annuel annuelle annuellement
        """,
    times="",
    counting="fois",
    joins="et & ainsi_que",
    ors="ou",
    agents="par",
    places="à en dans au aux",
    at_times="le en à depuis dès au",
    until="avant jusqu'à jusqu' d'ici",
    contrasts="pas non au_lieu_de plutôt_que",
    documents="""document documents texte textes contexte source sources passage passages information
        informations règlement contrat guide manuel notice rapport page dossier""",
    mentions="""mentionne mentionné mentionnée mentionnent dit disent indique indiqué indiquent précise précisé
        précisent spécifie spécifié sais sait connu connaît répondre répond trouvé trouve trouver
        déterminer""",
    knowledge="information informations réponse donnée données détail détails idée mention indication",
    offers="contient contiennent donne donné fournit fourni disponible disponibles figure",
    unknowns="inconnu inconnue ignore",
    regrets="désolé malheureusement regrette cette",
    sources="""selon d'après d' suivant_le conformément dans_le_texte dans_le_document dans_le_contexte
        d'après_le""",
    references="article page paragraphe section chapitre tableau figure annexe note voir §",
    relatives="""qui que dont où lequel laquelle parce puisque car comme ainsi selon d'après y_compris après
        avant depuis avec voir""",
    interrogatives="""
        duration combien_de_temps pendant_combien_de_temps depuis_combien_de_temps
        frequency combien_de_fois à_quelle_fréquence
        count combien_de combien_d'
        amount combien de_combien
        date quand depuis_quand jusqu'à_quand en_quelle_année à_quelle_date quel_jour à_quelle_heure
        date quelle_année quelle_date quelle_heure quelle_année
        place où d'où
        person qui à_qui de_qui par_qui pour_qui
        cause pourquoi
        name quel quelle quels quelles que qu' quoi lequel laquelle
        """,
    quantities="""
        duration durée délai période préavis garantie
        money prix coût tarif montant loyer salaire frais budget chiffre_d'affaires bénéfice
        share pourcentage part proportion taux
        measure hauteur largeur longueur profondeur poids taille surface volume distance vitesse
        measure température puissance dose âge
        count nombre
        date date jour année mois heure
        """,
    auxiliaries="est-ce est sont peut peut-on faut-il a-t-il y_a-t-il",
    haves="a ont avait avaient avoir",
    perfect="a ont été",
    participles="é ée és ées i ie is it ite u ue us ert erte",
    turning="à vers contre avant après jusqu' jusqu'à",
    deadlines="avant jusqu'à délai limite tard expire expiration",
    units_in="en",
    within="dans sous",
    starts="de d' après depuis à_partir_de suivant",
    prohibits="doit doivent devrait devraient",
    changes="augmenter diminuer baisser monter croître chuter changer",
    genitives="de d'",
    buts="mais",
    determiners="le la les l' un une son sa ses leur leurs",
    chooses="utiliser utilisez choisir choisis classer classé classe catégorie meilleur recommande",
    lacks="manque manquent manquant manquante manquants manquantes erreur erreurs défaut défauts problème problèmes",
    says="""
        duration durée délai période temps an mois jour heure
        count nombre total y compte
        amount montant somme
        money prix coût coûter tarif payer frais
        share part pourcentage
        date date jour année
        place lieu endroit ville situé trouver siège
        person nom
        cause raison cause parce_que parce_qu' dû due
        """,
    than="que qu'",
    comparatives="plus moins mieux meilleur meilleure meilleurs meilleures pire pires",
    more="plus",
    less="moins",
    synonyms="""
        coûter prix coût tarif
        concevoir conçu conception concepteur
        construire bâtir
        ouvrir ouverture
        inaugurer inauguration
        commencer débuter début
        finir terminer fin
        fonder créer fondateur fondation création
        diriger direction directeur
        acheter acquérir
        payer paiement
        écrire auteur rédiger
        accepter acceptation
        autoriser permettre permis
        interdire interdit
        """,
    akin="""
        ouvrir inaugurer ouverture inauguration
        """,
    opposites="""
        ouvrir fermer
        commencer finir
        autoriser interdire
        permettre interdire
        accepter refuser
        acheter vendre
        monter baisser
        augmenter diminuer
        gratuit payant
        grand petit
        haut bas
        long court
        vieux jeune
        cher
        rapide lent
        avant après
        inclus exclu
        compris exclu
        naître mourir
        gagner perdre
        """,
    prefixes="in im ir il dé non- mal",
    endings="""ations ation ition itions tions tion sions sion ements ement ments ment eurs eur rices rice ées
        ée és é er ir re ent ant es e s ait aient a ez ons""",
    irregular="""
        concev conçu conçue concevoir conçoit conception
        ouvr ouvert ouverte ouvrir ouverture
        inscri inscrit
        pai paie paient payer paye payent paiement
        """,
    units="""
        business-days jour_ouvré jours_ouvrés jour_ouvrable jours_ouvrables
        % pour_cent
        ° degré degrés
        temperature-celsius degrés_celsius
        """,
    ordinal="er ère e ème",
    ones="un une",
    between="entre",
    ranges="à - –",
    numerals="""
        0 zéro
        1 un une
        2 deux
        3 trois
        4 quatre
        5 cinq
        6 six
        7 sept
        8 huit
        9 neuf
        10 dix
        11 onze
        12 douze
        13 treize
        14 quatorze
        15 quinze
        16 seize
        17 dix-sept
        18 dix-huit
        19 dix-neuf
        20 vingt
        30 trente
        40 quarante
        50 cinquante
        60 soixante
        70 soixante-dix septante
        80 quatre-vingts quatre-vingt huitante octante
        90 quatre-vingt-dix nonante
        """,
    hundreds="""
        100 cent cents
        1000 mille millier milliers
        1000000 million millions
        1000000000 milliard milliards
        1000000000000 billion billions
        """,
    half="demi demie",
    linked="et de d'",
    clock="heures heure h",
    mornings="du_matin",
    evenings="du_soir de_l'après-midi",
    hours="""
        720 midi
        0 minuit
        """,
    titles="m mme monsieur madame docteur",
    inside="de du des la le les d' l' et en & aux",
    ids="version numéro code adresse e-mail courriel téléphone lien référence modèle formulaire",
    afterwards="""
        >= ou_plus et_plus minimum
        <= ou_moins maximum
        """,
    causes="à_cause_de en_raison_de de par",
    orders="""classez classer trier triez trie rangez ranger ordonnez ordonner chronologique
        chronologiquement croissant décroissant alphabétique itinéraire étapes séquence respectivement""",
    sequences="ordre",
    nexts="prochains prochaines suivants suivantes top",
    ranks="premier première deuxième second seconde troisième dernier dernière",
)
